//! How long a server wants to be left alone: `Retry-After`.
//!
//! Spec: RFC9110#10.2.3.

use std::time::{Duration, SystemTime};

use milena_http::http::{HeaderMap, header::RETRY_AFTER};

/// The longest that a server is believed.
const LONGEST: Duration = Duration::from_secs(300);

/// Seconds, or a date of HTTP.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(text)?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(LONGEST))
}

/// A date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let parts: Vec<&str> = text.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = parts.as_slice() else { return None };
    let at = MONTHS.find(*month).filter(|at| month.len() == 3 && at % 3 == 0)?;
    let month = u64::try_from(at / 3 + 1).ok()?;
    let number = |text: &&str| text.parse::<u64>().ok().filter(|number| *number < 10_000);
    let (day, year) = (number(day)?, number(year)?);
    // Days since 1970, by years that begin in March.
    let (shifted_year, shifted_month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = shifted_year * 365 + leap_days + (153 * shifted_month + 2) / 5 + day;
    let days = days.checked_sub(719_469)?;
    let seconds = days * 86_400 + number(hour)? * 3_600 + number(minute)? * 60 + number(second)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use milena_http::http::HeaderValue;

    use super::*;

    #[test]
    fn a_date_of_http_is_the_time_that_it_names() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("soon", None),
            ("Sun, 06 ovD 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1 08:49:37 GMT", None),
        ] {
            let expected =
                seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(http_date(text), expected, "{text}");
        }
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date_and_is_believed_up_to_a_limit() {
        let after = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers)
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(after("1000000"), Some(LONGEST));
        assert_eq!(after("-1"), None);
    }
}
