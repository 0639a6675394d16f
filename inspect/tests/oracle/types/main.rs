//! Variables of every kind, and what they hold, said by the program itself. On
//! a host it is a program that stops often; with `--cfg guest` a unikernel that
//! stops once, inside of everything.
#![allow(dead_code)]
#![cfg_attr(guest, no_std, no_main)]

#[cfg(guest)]
#[macro_use]
extern crate library as std;

#[macro_use]
mod say;
mod collections;
mod damaged;
mod enums;
mod extremes;
mod fixed;
#[cfg(guest)]
mod guest;
#[cfg(not(guest))]
mod hosted;
mod model;
mod niches;
mod objects;
mod places;
mod plain;
mod pointers;

const STEPS: &[fn()] = &[
    plain::scalars,
    plain::structures,
    enums::enums,
    niches::niches,
    niches::niches_of_the_library,
    plain::texts,
    collections::sequences,
    collections::maps,
    pointers::cells,
    pointers::pointers,
    extremes::extremes,
    extremes::shared,
    extremes::waiting,
    objects::objects,
    places::arguments_of_every_kind,
    places::optimised,
    places::optimised_loop,
    places::statics,
    damaged::damaged,
    #[cfg(not(guest))]
    hosted::hash_tables,
    #[cfg(not(guest))]
    hosted::damaged_hash_tables,
    #[cfg(not(guest))]
    hosted::locks,
];

#[cfg(not(guest))]
fn main() {
    for step in STEPS {
        step();
    }
}
