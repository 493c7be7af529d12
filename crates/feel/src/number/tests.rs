//! Checks arithmetic against whole numbers without bounds, rounded on their digits as text.

use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

/// `value * 10^exponent`, rounded half to even to 34 digits by looking at its digits.
fn rounded(value: &BigInt, exponent: i64) -> String {
    let digits = value.magnitude().to_string();
    let sign = if value.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    if digits.len() <= 34 {
        return format!("{sign}{digits}e{exponent}");
    }
    let (kept, rest) = digits.split_at(34);
    let half = format!("5{}", "0".repeat(rest.len() - 1));
    let odd = kept.as_bytes()[33] % 2 == 1;
    let up = rest > half.as_str() || (rest == half && odd);
    let kept = kept.parse::<u128>().unwrap() + u128::from(up);
    format!("{sign}{kept}e{}", exponent + i64::try_from(rest.len()).unwrap())
}

fn parts() -> impl Strategy<Value = (i128, i32)> {
    let coefficient = prop_oneof![
        -(10_i128.pow(34) - 1)..10_i128.pow(34),
        -1_000_000_i128..1_000_000,
        Just(10_i128.pow(34) - 1),
        Just(5 * 10_i128.pow(33)),
    ];
    (coefficient, prop_oneof![-60_i32..60, -5_i32..5])
}

fn made((coefficient, exponent): (i128, i32)) -> Number {
    number(&format!("{coefficient}e{exponent}"))
}

fn exact((coefficient, exponent): (i128, i32), to: i32) -> BigInt {
    BigInt::from(coefficient) * BigInt::from(10).pow((exponent - to).unsigned_abs())
}

proptest! {
    #[test]
    fn sums_are_exact_and_rounded_once(one in parts(), other in parts()) {
        let least = one.1.min(other.1);
        let expected = rounded(&(exact(one, least) + exact(other, least)), least.into());
        prop_assert_eq!(made(one).checked_add(made(other)).unwrap(), number(&expected));
        let expected = rounded(&(exact(one, least) - exact(other, least)), least.into());
        prop_assert_eq!(made(one).checked_sub(made(other)).unwrap(), number(&expected));
    }

    #[test]
    fn products_are_exact_and_rounded_once(one in parts(), other in parts()) {
        let product = BigInt::from(one.0) * BigInt::from(other.0);
        let expected = rounded(&product, i64::from(one.1) + i64::from(other.1));
        prop_assert_eq!(made(one).checked_mul(made(other)).unwrap(), number(&expected));
    }

    #[test]
    fn quotients_are_the_nearest_numbers(one in parts(), other in parts()) {
        prop_assume!(other.0 != 0);
        // A hundred digits more than are kept, and one that says whether there are others.
        let scaled = BigInt::from(one.0) * BigInt::from(10).pow(140);
        let divisor = BigInt::from(other.0);
        let mut quotient = &scaled / &divisor;
        let exponent = i64::from(one.1) - i64::from(other.1) - 140;
        if &quotient * &divisor != scaled {
            let negative = (one.0 < 0) != (other.0 < 0);
            quotient = quotient * 10 + if negative { -1 } else { 1 };
            let expected = rounded(&quotient, exponent - 1);
            prop_assert_eq!(made(one).checked_div(made(other)).unwrap(), number(&expected));
        } else {
            let expected = rounded(&quotient, exponent);
            prop_assert_eq!(made(one).checked_div(made(other)).unwrap(), number(&expected));
        }
    }

    #[test]
    fn a_remainder_has_the_divisors_sign_and_is_less(one in parts(), other in parts()) {
        prop_assume!(other.0 != 0);
        let rest = made(one).modulo(made(other)).unwrap();
        prop_assert!(rest.abs() < made(other).abs() || rest.is_zero() || one.1 != other.1);
        prop_assert!(rest.is_zero() || rest.is_negative() == made(other).is_negative());
    }

    #[test]
    fn numbers_are_ordered_as_their_values_are(one in parts(), other in parts()) {
        let least = one.1.min(other.1);
        let expected = exact(one, least).cmp(&exact(other, least));
        prop_assert_eq!(made(one).cmp(&made(other)), expected);
    }

    #[test]
    fn a_number_is_read_as_it_is_printed(one in parts(), exponent in -6000_i32..6000) {
        let number = made((one.0, exponent));
        prop_assert_eq!(number.to_string().parse::<Number>().unwrap(), number);
    }

    #[test]
    fn rounding_to_a_scale_agrees_with_digits(one in -1_000_000_i64..1_000_000, scale in 0_i32..4) {
        // Thousandths of thousandths, rounded by integer arithmetic.
        let value = made((one.into(), -4));
        let unit = 10_i64.pow(4 - scale.unsigned_abs());
        let floor = one.div_euclid(unit);
        let rest = one.rem_euclid(unit);
        let as_number = |units: i64| made((units.into(), -scale));
        prop_assert_eq!(value.round_to(scale, Rounding::Floor).unwrap(), as_number(floor));
        let ceiling = floor + i64::from(rest != 0);
        prop_assert_eq!(value.round_to(scale, Rounding::Ceiling).unwrap(), as_number(ceiling));
        let even = match (rest * 2).cmp(&unit) {
            Ordering::Less => floor,
            Ordering::Greater => ceiling,
            Ordering::Equal if floor % 2 == 0 => floor,
            Ordering::Equal => ceiling,
        };
        prop_assert_eq!(value.round_to(scale, Rounding::HalfEven).unwrap(), as_number(even));
    }

    #[test]
    fn the_square_of_a_root_is_the_number(one in parts()) {
        let value = made(one).abs();
        let root = value.sqrt().unwrap();
        let error = root.checked_mul(root).unwrap().checked_sub(value).unwrap().abs();
        prop_assert!(error <= value.checked_mul(number("1e-32")).unwrap());
    }

    #[test]
    fn a_logarithm_undoes_an_exponential(one in -1_000_000_i64..1_000_000) {
        let value = made((one.into(), -3));
        let back = value.exp().unwrap().ln().unwrap();
        let error = back.checked_sub(value).unwrap().abs();
        prop_assert!(error <= number("1e-30"), "{} for {}", back, value);
    }

    #[test]
    fn a_whole_power_is_repeated_multiplication(base in -99_i64..99, power in 0_i64..17) {
        let expected = BigInt::from(base).pow(u32::try_from(power).unwrap());
        let found = Number::from(base).power(Number::from(power)).unwrap();
        prop_assert_eq!(found, number(&rounded(&expected, 0)));
    }
}

#[test]
fn the_known_constants_come_out_to_the_last_digit() {
    assert_eq!(Number::ONE.exp().unwrap(), number("2.718281828459045235360287471352662"));
    assert_eq!(Number::from(10).ln().unwrap(), number("2.302585092994045684017991454684364"));
    assert_eq!(Number::TWO.ln().unwrap(), number("0.6931471805599453094172321214581766"));
    assert_eq!(Number::TWO.sqrt().unwrap(), number("1.414213562373095048801688724209698"));
    assert_eq!(number("4").power(number("0.5")).unwrap(), Number::TWO);
    assert_eq!(number("2").power(number("0.5")).unwrap(), Number::TWO.sqrt().unwrap());
}

#[test]
fn results_beyond_the_range_are_none_and_tiny_ones_are_zero() {
    let greatest = number("9.999999999999999999999999999999999e6144");
    assert_eq!(greatest.checked_add(greatest), None);
    assert_eq!(greatest.checked_mul(Number::TWO), None);
    assert_eq!(greatest.checked_add(Number::ONE), Some(greatest));
    assert_eq!(number("1e-6176").checked_div(Number::from(3)), Some(Number::ZERO));
    assert_eq!(number("1e-6176").checked_mul(number("0.6")), Some(number("1e-6176")));
    assert_eq!("1e6145".parse::<Number>(), Err(NumberError::TooGreat));
    assert_eq!("1e-99999999999999999999".parse::<Number>(), Ok(Number::ZERO));
    assert_eq!(Number::from(10).power(Number::from(6145)), None);
    assert_eq!(Number::from(10).power(Number::from(-7000)), Some(Number::ZERO));
    assert_eq!(Number::from(1_000_000).exp(), None);
    assert_eq!(Number::from(-1_000_000).exp(), Some(Number::ZERO));
    assert_eq!(number("1e6000").exp(), None);
    assert_eq!(Number::TWO.power(number("1e6000")), None);
    assert_eq!(number("0.5").power(number("1e6000")), Some(Number::ZERO));
    assert_eq!(number("1.5").power(number("-1e30")), Some(Number::ZERO));
}

#[test]
fn numbers_of_very_different_size_add_up() {
    let one = Number::ONE;
    assert_eq!(number("1e6000").checked_add(one), Some(number("1e6000")));
    assert_eq!(one.checked_add(number("1e-6000")), Some(one));
    assert_eq!(number("1e100").checked_sub(one), Some(number("1e100")));
    let half = number("1.0000000000000000000000000000000005");
    assert_eq!(half, one, "a half is rounded to the even neighbour");
}

#[test]
fn what_is_no_number_is_refused() {
    for text in ["", "-", ".", "1.", "1e", "1e+", "1.2.3", "0x1", " 1", "1 ", "+1", "1_0", "e5"] {
        assert_eq!(text.parse::<Number>(), Err(NumberError::Malformed), "{text:?}");
    }
}

#[test]
fn large_and_small_numbers_take_an_exponent() {
    for (text, printed) in [
        ("1e34", "10000000000000000000000000000000000"),
        ("1e35", "1E+35"),
        ("12e40", "1.2E+41"),
        ("1e-5", "0.00001"),
        ("1e-36", "1E-36"),
        ("-0", "0"),
        ("120.00", "120"),
    ] {
        assert_eq!(number(text).to_string(), printed);
    }
}
