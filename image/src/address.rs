//! Addresses as types. An image knows link-time addresses only; where a module
//! lies in a machine is `inspect`'s to say.

use std::fmt;

/// An address type of some space, for what works in all of them alike.
pub trait Address: Copy {
    /// The address as a number.
    fn value(self) -> u64;
    /// The address of that number.
    fn from_value(value: u64) -> Self;
}

/// Defines an address newtype over `u64`: displayed and serialized as
/// `0x…`, with checked arithmetic only.
#[macro_export]
macro_rules! address_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The address `bytes` further on, unless that wraps around.
            #[must_use]
            pub fn checked_add(self, bytes: u64) -> Option<Self> {
                self.0.checked_add(bytes).map(Self)
            }

            /// The address `bytes` back, unless that wraps around.
            #[must_use]
            pub fn checked_sub(self, bytes: u64) -> Option<Self> {
                self.0.checked_sub(bytes).map(Self)
            }

            /// Bytes from `start` up to this address, unless it lies below.
            #[must_use]
            pub fn offset_from(self, start: Self) -> Option<u64> {
                self.0.checked_sub(start.0)
            }
        }

        impl $crate::Address for $name {
            #[inline]
            fn value(self) -> u64 {
                self.0
            }

            #[inline]
            fn from_value(value: u64) -> Self {
                Self(value)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let text = <::std::string::String as ::serde::Deserialize>::deserialize(
                    deserializer,
                )?;
                let digits = text.strip_prefix("0x").unwrap_or(&text);
                u64::from_str_radix(digits, 16)
                    .map(Self)
                    .map_err(::serde::de::Error::custom)
            }
        }
    };
}

address_type! {
    /// A virtual address as the linker assigned it.
    LinkAddr
}

/// A code address, and how it was come by.
///
/// A stopped program counter is exact: it is the instruction. A return address
/// is the instruction *behind* a call, which may belong to another line,
/// another inlined function or, after a call that never returns, to another
/// function altogether.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeAddr<A> {
    /// The address of an instruction that is about to run, or was interrupted.
    Exact(A),
    /// An address that a call pushed.
    Return(A),
}

impl<A: Copy> CodeAddr<A> {
    /// The address itself.
    pub fn address(self) -> A {
        match self {
            Self::Exact(address) | Self::Return(address) => address,
        }
    }

    /// The same kind of code address at another place.
    pub fn map<B>(self, f: impl FnOnce(A) -> B) -> CodeAddr<B> {
        match self {
            Self::Exact(address) => CodeAddr::Exact(f(address)),
            Self::Return(address) => CodeAddr::Return(f(address)),
        }
    }
}

impl<A: Address> CodeAddr<A> {
    /// The address to look up, which for a return address is within the call
    /// before it: the only place that subtracts one.
    ///
    /// A return address of 0, as above outermost frames and on a smashed stack,
    /// is behind no call, and must not be taken for what lies at 0. It is looked
    /// up at the last address, where no code is.
    #[inline]
    pub fn lookup(self) -> A {
        match self {
            Self::Exact(address) => address,
            Self::Return(address) => A::from_value(address.value().wrapping_sub(1)),
        }
    }
}

impl<A: fmt::Display> fmt::Display for CodeAddr<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(address) | Self::Return(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_address_is_looked_up_by_the_call_before_it() {
        let check = |address: u64, expected: u64| {
            let address = LinkAddr(address);
            assert_eq!(CodeAddr::Exact(address).lookup(), address);
            assert_eq!(CodeAddr::Return(address).lookup(), LinkAddr(expected));
        };
        check(0x1000, 0xfff);
        check(1, 0);
        check(u64::MAX, u64::MAX - 1);
        check(0, u64::MAX);
    }
}
