//! Single facts that are easily got wrong.

use crate::float::{
    self, Flags, Rounding, box32, class32, class64, eq64, fma64, le64, lt64, max64, min64, mul64, unbox32,
};

const QUIET: u64 = 0x7ff8_0000_0000_0001;
const SIGNALLING: u64 = 0x7ff0_0000_0000_0001;
const CANONICAL: u64 = 0x7ff8_0000_0000_0000;
const INFINITY: u64 = 0x7ff0_0000_0000_0000;
const MINUS_ZERO: u64 = 1 << 63;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const SMALLEST_NORMAL: u64 = 0x0010_0000_0000_0000;

#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(operation: impl Fn(&mut Flags) -> T, value: T, flags: Flags) {
    let mut found = Flags::NONE;
    assert_eq!((operation(&mut found), found), (value, flags));
}

#[test]
fn the_smaller_of_a_number_and_a_nan_is_the_number() {
    check(|flags| min64(QUIET, ONE, flags), ONE, Flags::NONE);
    check(|flags| max64(ONE, SIGNALLING, flags), ONE, Flags::INVALID);
    check(|flags| max64(QUIET, QUIET, flags), CANONICAL, Flags::NONE);
    check(|flags| min64(SIGNALLING, QUIET, flags), CANONICAL, Flags::INVALID);
}

#[test]
fn zeros_are_ordered_for_the_smaller_and_equal_for_the_rest() {
    check(|flags| min64(0, MINUS_ZERO, flags), MINUS_ZERO, Flags::NONE);
    check(|flags| max64(MINUS_ZERO, 0, flags), 0, Flags::NONE);
    check(|flags| eq64(0, MINUS_ZERO, flags), true, Flags::NONE);
    check(|flags| lt64(MINUS_ZERO, 0, flags), false, Flags::NONE);
}

#[test]
fn equality_is_quiet_and_order_signals() {
    check(|flags| eq64(QUIET, QUIET, flags), false, Flags::NONE);
    check(|flags| eq64(SIGNALLING, ONE, flags), false, Flags::INVALID);
    check(|flags| lt64(QUIET, ONE, flags), false, Flags::INVALID);
    check(|flags| le64(ONE, QUIET, flags), false, Flags::INVALID);
}

#[test]
fn infinity_times_zero_is_invalid_even_before_a_quiet_nan() {
    let fma = |flags: &mut Flags| fma64(INFINITY, 0, QUIET, Rounding::Nearest, flags);
    check(fma, CANONICAL, Flags::INVALID);
}

/// `(1 - 2^-53) * smallest normal` rounds up to the smallest normal number. With exponents without end it would have been
/// a number of 53 bits just below, exactly; so it is tiny and inexact.
/// `(1 - 2^-54)` times it would have rounded up without end as well; so that is not tiny, though still inexact.
#[test]
fn tininess_is_detected_after_rounding() {
    let largest_below_one = ONE - 1;
    let product = |flags: &mut Flags| mul64(largest_below_one, SMALLEST_NORMAL, Rounding::Nearest, flags);
    check(product, SMALLEST_NORMAL, Flags::INEXACT | Flags::UNDERFLOW);
    // 2^-1074 / 4 less than the smallest normal number, as a sum within `fma`.
    let quarter = 0x3fd0_0000_0000_0000;
    let less = |flags: &mut Flags| fma64(quarter, 1 | MINUS_ZERO, SMALLEST_NORMAL, Rounding::Nearest, flags);
    check(less, SMALLEST_NORMAL, Flags::INEXACT);
}

#[test]
fn integers_saturate_and_nan_is_the_greatest() {
    let nearest = Rounding::Nearest;
    check(|flags| float::to_i32_from_64(QUIET, nearest, flags), i32::MAX, Flags::INVALID);
    check(|flags| float::to_u64_from_64(QUIET | MINUS_ZERO, nearest, flags), u64::MAX, Flags::INVALID);
    let minus = |number: f64| (-number).to_bits();
    check(|flags| float::to_u32_from_64(minus(1.0), nearest, flags), 0, Flags::INVALID);
    check(|flags| float::to_u32_from_64(minus(0.5), nearest, flags), 0, Flags::INEXACT);
    check(|flags| float::to_u32_from_64(minus(0.5), Rounding::Down, flags), 0, Flags::INVALID);
    check(|flags| float::to_i64_from_64(minus(2_f64.powi(63)), nearest, flags), i64::MIN, Flags::NONE);
    check(|flags| float::to_i64_from_64(2_f64.powi(63).to_bits(), nearest, flags), i64::MAX, Flags::INVALID);
    check(
        |flags| float::to_i32_from_64(2_147_483_647.5_f64.to_bits(), nearest, flags),
        i32::MAX,
        Flags::INVALID,
    );
    let zero = Rounding::Zero;
    check(
        |flags| float::to_i32_from_64(2_147_483_647.5_f64.to_bits(), zero, flags),
        i32::MAX,
        Flags::INEXACT,
    );
}

#[test]
fn classes_are_in_the_order_of_the_manual() {
    let from_minus_infinity = [
        0xfff0_0000_0000_0000,
        0xbff0_0000_0000_0000,
        0x8000_0000_0000_0001,
        MINUS_ZERO,
        0,
        1,
        ONE,
        INFINITY,
        SIGNALLING,
        QUIET,
    ];
    for (bit, number) in from_minus_infinity.into_iter().enumerate() {
        assert_eq!(class64(number), 1 << bit, "{number:#x}");
    }
    assert_eq!(class32(0x7f80_0001), 1 << 8);
    assert_eq!(class32(0x0080_0000), 1 << 6);
}

#[test]
fn a_box_that_is_none_holds_the_canonical_nan() {
    assert_eq!(unbox32(box32(0x3f80_0000)), 0x3f80_0000);
    assert_eq!(unbox32(0x3f80_0000), 0x7fc0_0000);
    assert_eq!(unbox32(0xffff_fffe_3f80_0000), 0x7fc0_0000);
}

#[test]
fn rounding_modes_have_numbers() {
    for rounding in Rounding::ALL {
        assert_eq!(Rounding::from_bits(rounding as u8), Some(rounding));
    }
    assert_eq!(Rounding::from_bits(5), None);
    assert_eq!(format!("{:?}", Flags::INVALID | Flags::INEXACT), "Flags( NV NX )");
}
