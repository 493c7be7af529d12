//! Checks the calendar day by day, and texts.

use proptest::prelude::*;

use super::{civil::days_in_month, *};

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn every_day_of_a_thousand_years_follows_the_one_before() {
    let (mut year, mut month, mut day) = (1500_i64, 1_u8, 1_u8);
    let mut days = Date::new(year, month, day).unwrap().epoch_days();
    let mut weekday = Date::new(year, month, day).unwrap().weekday();
    while year < 2500 {
        let found = Date::from_epoch_days(days).unwrap();
        assert_eq!(Some(found), Date::new(year, month, day));
        assert_eq!(found.epoch_days(), days);
        assert_eq!(found.weekday(), weekday);
        days += 1;
        weekday = weekday % 7 + 1;
        day += 1;
        if day > days_in_month(year, month) {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
}

#[test]
fn the_years_end_at_nine_digits() {
    let last = date("999999999-12-31");
    assert_eq!(Date::from_epoch_days(last.epoch_days()), Some(last));
    assert_eq!(Date::from_epoch_days(last.epoch_days() + 1), None);
    let first = date("-999999999-01-01");
    assert_eq!(Date::from_epoch_days(first.epoch_days()), Some(first));
    assert_eq!(Date::from_epoch_days(first.epoch_days() - 1), None);
    assert_eq!(Date::from_epoch_days(i64::MAX), None);
    assert_eq!(first.add_months(YearsMonthsDuration::new(i64::MIN)), None);
}

#[test]
fn weeks_are_those_of_iso_8601() {
    for (text, week) in [
        ("2005-01-01", 53),
        ("2005-01-02", 53),
        ("2005-12-31", 52),
        ("2006-01-01", 52),
        ("2007-01-01", 1),
        ("2008-12-29", 1),
        ("2009-12-31", 53),
        ("2010-01-03", 53),
    ] {
        assert_eq!(date(text).week_of_year(), week, "{text}");
    }
}

#[test]
fn a_zone_has_its_offset_of_the_day() {
    let offset = |text: &str| text.parse::<DateTime>().unwrap().offset().unwrap();
    assert_eq!(offset("2024-01-01T00:00:00@Europe/Prague"), 3600);
    assert_eq!(offset("2024-07-01T00:00:00@Europe/Prague"), 7200);
    assert_eq!(offset("2024-07-01T00:00:00@Asia/Kathmandu"), 20_700);
    // Clocks go from 2:00 to 3:00, and from 3:00 to 2:00.
    assert_eq!(offset("2024-03-31T02:30:00@Europe/Prague"), 3600);
    assert_eq!(offset("2024-10-27T02:30:00@Europe/Prague"), 7200);
    // Far beyond what any database lists, by its rules.
    assert_eq!(offset("2999-07-01T00:00:00@Europe/Prague"), 7200);
    assert_eq!(offset("999999999-07-01T00:00:00@Europe/Prague"), 7200);
    assert_eq!(offset("-999999999-07-01T00:00:00@Etc/UTC"), 0);
}

#[test]
fn a_moment_is_shown_in_a_zone() {
    let prague = Zone::named("Europe/Prague").unwrap();
    let moment = DateTime::from_epoch_nanos(1_709_202_030_500_000_000, prague).unwrap();
    assert_eq!(moment.to_string(), "2024-02-29T11:20:30.5@Europe/Prague");
    assert_eq!(moment.epoch_nanos(), 1_709_202_030_500_000_000);
    assert_eq!(Zone::named("../../etc/passwd"), None);
    assert_eq!(Zone::offset(18 * 3600 + 1), None);
}

proptest! {
    #[test]
    fn texts_of_moments_are_read_as_they_are_written(
        days in -1_000_000_000_i64..1_000_000_000,
        nanos in 0_u64..86_400_000_000_000,
        offset in proptest::option::of(-64_800_i32..=64_800),
    ) {
        let zone = offset.map(|offset| Zone::offset(offset).unwrap());
        let time = Time::new(nanos, zone).unwrap();
        prop_assert_eq!(&time.to_string().parse::<Time>().unwrap(), &time);
        let moment = DateTime::new(Date::from_epoch_days(days).unwrap(), &time);
        prop_assert_eq!(moment.to_string().parse::<DateTime>().unwrap(), moment);
    }

    #[test]
    fn texts_of_durations_are_read_as_they_are_written(nanos in any::<i64>(), months: i32) {
        let duration = DaysTimeDuration::from_nanos(i128::from(nanos) * 1000).unwrap();
        prop_assert_eq!(duration.to_string().parse::<DaysTimeDuration>().unwrap(), duration);
        let duration = YearsMonthsDuration::new(months.into());
        prop_assert_eq!(duration.to_string().parse::<YearsMonthsDuration>().unwrap(), duration);
    }

    #[test]
    fn what_is_added_to_a_moment_lies_between(nanos in any::<i64>(), start in any::<i32>()) {
        let zone = Zone::named("Europe/Prague").unwrap();
        let start = DateTime::from_epoch_nanos(i128::from(start) * 1_000_000_000, zone).unwrap();
        let duration = DaysTimeDuration::from_nanos(nanos.into()).unwrap();
        let end = start.add_duration(duration).unwrap();
        prop_assert_eq!(end.since(&start).unwrap(), duration);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "[-+:.TZPYMDHS@0-9a-z/]{0,24}") {
        let _ = text.parse::<Date>();
        let _ = text.parse::<Time>();
        let _ = text.parse::<DateTime>();
        let _ = text.parse::<DaysTimeDuration>();
        let _ = text.parse::<YearsMonthsDuration>();
    }
}
