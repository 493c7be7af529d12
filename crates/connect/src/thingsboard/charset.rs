//! The charsets in which headers are written.

/// A charset of the node: how the text of a header becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Charset {
    /// `US-ASCII`.
    UsAscii,
    /// `ISO-8859-1`.
    Iso88591,
    /// `UTF-8`.
    #[default]
    Utf8,
    /// `UTF-16BE`.
    Utf16Be,
    /// `UTF-16LE`.
    Utf16Le,
    /// `UTF-16`: a byte-order mark, then big-endian, as in Java.
    Utf16,
}

impl Charset {
    /// The names in a configuration, in the order of the node's own list.
    pub(super) const NAMES: &[&str] =
        &["US-ASCII", "ISO-8859-1", "UTF-8", "UTF-16BE", "UTF-16LE", "UTF-16"];

    /// The charset of this name; case does not matter.
    ///
    /// ```
    /// use milena_connect::thingsboard::Charset;
    ///
    /// assert_eq!(Charset::from_name("utf-16"), Some(Charset::Utf16));
    /// assert_eq!(Charset::from_name("EBCDIC"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all =
            [Self::UsAscii, Self::Iso88591, Self::Utf8, Self::Utf16Be, Self::Utf16Le, Self::Utf16];
        let named = all.into_iter().zip(Self::NAMES);
        named
            .into_iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(charset, _)| charset)
    }

    /// The bytes of a text. A character that the charset lacks becomes `?`; the empty text has no
    /// byte-order mark.
    ///
    /// ```
    /// use milena_connect::thingsboard::Charset;
    ///
    /// assert_eq!(Charset::Utf16.encode("é"), [0xfe, 0xff, 0x00, 0xe9]);
    /// assert_eq!(Charset::UsAscii.encode("é!"), b"?!");
    /// ```
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        let single = |most: u32| {
            let byte = |c: char| u8::try_from(u32::from(c)).ok().filter(|_| u32::from(c) <= most);
            text.chars().map(|c| byte(c).unwrap_or(b'?')).collect()
        };
        match self {
            Self::UsAscii => single(0x7f),
            Self::Iso88591 => single(0xff),
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16 if text.is_empty() => Vec::new(),
            Self::Utf16 => {
                let mark = [0xfe, 0xff].into_iter();
                mark.chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_charset_writes_what_java_writes() {
        // A letter, one beyond ASCII, one beyond Latin-1, one beyond the first plane.
        let text = "aé€😀";
        for (name, expected) in [
            ("US-ASCII", b"a???".to_vec()),
            ("ISO-8859-1", b"a\xe9??".to_vec()),
            ("UTF-8", text.as_bytes().to_vec()),
            ("UTF-16BE", b"\x00a\x00\xe9\x20\xac\xd8\x3d\xde\x00".to_vec()),
            ("UTF-16LE", b"a\x00\xe9\x00\xac\x20\x3d\xd8\x00\xde".to_vec()),
            ("UTF-16", b"\xfe\xff\x00a\x00\xe9\x20\xac\xd8\x3d\xde\x00".to_vec()),
        ] {
            let charset = Charset::from_name(name).unwrap();
            assert_eq!(charset.encode(text), expected, "{name}");
            assert!(charset.encode("").is_empty(), "{name}");
        }
        assert_eq!(Charset::NAMES.len(), 6);
    }
}
