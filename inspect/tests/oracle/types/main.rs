//! Variables of every kind, and what they hold, said by the program itself.
#![allow(dead_code)]

#[macro_use]
mod say;
mod collections;
mod damaged;
mod enums;
mod extremes;
mod fixed;
mod model;
mod niches;
mod objects;
mod places;
mod plain;
mod pointers;

fn main() {
    plain::scalars();
    plain::structures();
    enums::enums();
    niches::niches();
    niches::niches_of_the_library();
    plain::texts();
    collections::sequences();
    collections::maps();
    pointers::cells();
    pointers::pointers();
    extremes::extremes();
    extremes::shared();
    extremes::waiting();
    objects::objects();
    places::arguments_of_every_kind();
    places::optimised();
    places::statics();
    damaged::damaged();
}
