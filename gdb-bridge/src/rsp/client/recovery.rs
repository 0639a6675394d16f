//! How a client comes back into order after a lost, damaged or doubled
//! packet. The ordinary course of a conversation is `client.rs`.

use std::time::Instant;

use super::{Client, Event, Failure};
use crate::rsp::command::{Command, Shape};
use crate::rsp::framer::append_packet;

/// Where the client stands between "all in order" and "in order again".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Sure,
    /// Some packet was sent twice: replies may come twice.
    Doubted,
    /// Waiting for silence, but not past the limit.
    Quiet {
        until: Instant,
        limit: Instant,
    },
    /// Waiting for the probe's empty reply.
    Probing {
        until: Instant,
        tries: u32,
    },
    /// Several probes were sent: waiting for the other empty replies.
    Settling {
        until: Instant,
        limit: Instant,
    },
}

impl Order {
    /// Whether commands have to wait, and replies belong to none of them.
    pub(super) fn is_recovering(self) -> bool {
        !matches!(self, Self::Sure | Self::Doubted)
    }

    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Sure | Self::Doubted => None,
            Self::Quiet { until, .. }
            | Self::Probing { until, .. }
            | Self::Settling { until, .. } => Some(until),
        }
    }

    /// Something was heard: silence begins anew.
    pub(super) fn heard(&mut self, silent: Instant) {
        if let Self::Quiet { until, limit } | Self::Settling { until, limit } = self {
            *until = silent.min(*limit);
        }
    }
}

impl Client {
    /// Takes the time; needed when [`Client::deadline`] has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        match self.order {
            Order::Sure | Order::Doubted => {
                if self.overdue.is_some_and(|overdue| now >= overdue) {
                    self.overdue(now);
                }
            }
            order if order.deadline().is_none_or(|until| now < until) => {}
            Order::Quiet { .. } => self.probe(0, now),
            Order::Probing { tries, .. } if tries < self.options.tries => self.probe(tries, now),
            Order::Probing { .. } => {
                self.fail_all(Failure::Silence);
                self.order = Order::Doubted;
            }
            Order::Settling { .. } => self.order = Order::Sure,
        }
        self.transmit(now);
    }

    /// Takes a packet that arrived out of order; says whether it was one.
    pub(super) fn out_of_order(&mut self, payload: &[u8], now: Instant) -> bool {
        match self.order {
            Order::Sure | Order::Doubted => return false,
            Order::Probing { tries: 1, .. } if payload.is_empty() => self.order = Order::Sure,
            Order::Probing { .. } if payload.is_empty() => {
                let limit = now + self.options.patience;
                let until = (now + self.options.quiet).min(limit);
                self.order = Order::Settling { until, limit };
            }
            _ => {}
        }
        true
    }

    /// The stub found a packet of ours damaged.
    pub(super) fn refused(&mut self, now: Instant) {
        if !self.acks || self.order.is_recovering() {
            return;
        }
        match self.in_flight.make_contiguous() {
            [] => {}
            [exchange] if exchange.command.repeatable() => self.repeat(now, Failure::Damaged),
            // What must not happen twice waits whether it was heard after
            // all: a doubled `$` is damage followed by a good packet.
            [exchange] => {
                exchange.refused = true;
                self.doubt();
                self.overdue = Some(now + self.options.quiet);
            }
            _ => self.start_over(now),
        }
    }

    /// A packet of the stub arrived damaged.
    pub(super) fn damaged(&mut self, now: Instant) {
        if self.order.is_recovering() {
            return;
        }
        if self.in_flight.len() > 1 || !self.acks {
            self.start_over(now);
        } else if self.in_flight.len() == 1 || self.running {
            self.ask_again(now);
        }
    }

    /// Nothing was heard in time.
    fn overdue(&mut self, now: Instant) {
        let Some(exchange) = self.in_flight.front() else {
            self.overdue = None;
            return;
        };
        if self.in_flight.len() > 1 {
            self.start_over(now);
        } else if exchange.acknowledged {
            // The stub has the command, so what it would send again is the
            // reply to this one and no older one.
            self.framer.reset();
            self.ask_again(now);
        } else if exchange.command.repeatable() || exchange.refused {
            self.framer.reset();
            self.repeat(now, Failure::Silence);
        } else {
            if exchange.command.shape() == Shape::Resume {
                self.running = true;
            }
            self.doubt();
            self.finish(Err(Failure::Uncertain), now);
        }
    }

    /// Sends the only exchange in flight again.
    fn repeat(&mut self, now: Instant, failure: Failure) {
        self.doubt();
        if let Some(exchange) = self.in_flight.pop_front() {
            if exchange.tries >= self.options.tries {
                self.in_flight.push_front(exchange);
                self.finish(Err(failure), now);
            } else {
                self.put(exchange, now);
            }
        }
    }

    /// Asks the stub to send its last packet again.
    fn ask_again(&mut self, now: Instant) {
        self.doubt();
        if let Some(exchange) = self.in_flight.front_mut() {
            exchange.tries += 1;
            if exchange.tries > self.options.tries {
                self.finish(Err(Failure::Silence), now);
                return;
            }
        }
        if self.acks {
            self.output.push(b'-');
        }
        self.arm(now);
    }

    /// Several exchanges are under way and their order is lost: waits for
    /// silence and sends them again, one at a time from now on.
    fn start_over(&mut self, now: Instant) {
        self.window = 1;
        while let Some(exchange) = self.in_flight.pop_back() {
            if exchange.tries >= self.options.tries {
                self.events
                    .push_back(Event::Reply(exchange.ticket, Err(Failure::Silence)));
            } else if exchange.command.repeatable() {
                self.waiting.push_front(exchange);
            } else {
                self.events
                    .push_back(Event::Reply(exchange.ticket, Err(Failure::Uncertain)));
            }
        }
        self.overdue = None;
        self.await_silence(now);
    }

    pub(super) fn doubt(&mut self) {
        if self.order == Order::Sure {
            self.order = Order::Doubted;
        }
    }

    pub(super) fn await_silence(&mut self, now: Instant) {
        let limit = now + self.options.patience;
        let until = (now + self.options.quiet).min(limit);
        self.order = Order::Quiet { until, limit };
    }

    fn probe(&mut self, tries: u32, now: Instant) {
        self.framer.reset();
        append_packet(&Command::Probe.encode(), &mut self.output);
        self.order = Order::Probing {
            until: now + self.options.patience,
            tries: tries + 1,
        };
    }

    pub(super) fn fail_all(&mut self, failure: Failure) {
        for exchange in self.in_flight.drain(..).chain(self.waiting.drain(..)) {
            self.events
                .push_back(Event::Reply(exchange.ticket, Err(failure)));
        }
        self.overdue = None;
    }
}
