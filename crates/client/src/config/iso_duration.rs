//! ISO 8601 durations as `java.time.Duration` reads them: `PnDTnHnMn.nS`, here never negative.

use std::time::Duration;

const UNITS: &[(char, bool, u64)] =
    &[('D', false, 86_400), ('H', true, 3_600), ('M', true, 60), ('S', true, 1)];

/// Reads a duration; `None` when it is none, is negative or is too long.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let upper = text.to_ascii_uppercase();
    let body = upper.strip_prefix('P')?;
    let (days, time) = match body.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (body, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    part(days, false)?.checked_add(part(time, true)?)
}

/// Reads the numbers before or after the `T`, each unit once and in order.
fn part(text: &str, is_time: bool) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    let mut units = UNITS.iter().filter(|(_, of_time, _)| *of_time == is_time);
    while !rest.is_empty() {
        let end = rest.find(|character: char| character.is_ascii_alphabetic())?;
        let (number, after) = rest.split_at(end);
        let mut characters = after.chars();
        let letter = characters.next()?;
        rest = characters.as_str();
        let (_, _, seconds) = units.find(|(unit, _, _)| *unit == letter)?;
        total = total.checked_add(amount(number, letter, *seconds)?)?;
    }
    Some(total)
}

fn amount(number: &str, letter: char, seconds: u64) -> Option<Duration> {
    let (whole, fraction) = match number.split_once(['.', ',']) {
        Some((whole, fraction)) if letter == 'S' => (whole, fraction),
        Some(_) => return None,
        None => (number, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    Some(Duration::new(whole.parse::<u64>().ok()?.checked_mul(seconds)?, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_reads() {
        for (text, millis) in [
            ("PT24H", 86_400_000),
            ("P1D", 86_400_000),
            ("p2dt3h4m5.006s", 183_845_006),
            ("PT0S", 0),
            ("PT1.5S", 1_500),
            ("PT90M", 5_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_java_refuses_and_negative_ones() {
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1D",
            "PT1",
            "PT-1H",
            "-PT1H",
            "P1H",
            "PT1D",
            "PT1M1H",
            "PT1.5M",
            "PTS",
            "PT1.0000000001S",
            "P99999999999999999999D",
            "PT+1H",
            "PT1é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
