//! The codecs' names, ids and levels, as Kafka has them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::error::InvalidLevel;

/// A codec as the attributes of a record batch name it.
///
/// Source: the protocol guide, "Record Batch", attributes bits 0 to 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CompressionType {
    /// Records are stored as they are; id 0.
    #[default]
    None,
    /// RFC 1952; id 1.
    Gzip,
    /// Snappy in the framing of xerial's Java library; id 2.
    Snappy,
    /// LZ4 frames; id 3.
    Lz4,
    /// RFC 8878, since Kafka 2.1 (KIP-110); id 4.
    Zstd,
}

impl CompressionType {
    /// Every codec, by id.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The id in the attributes of a batch.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The codec with this id; none for 5 to 255.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Kafka's name, as in `compression.type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for CompressionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CompressionType {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| UnknownCompression { name: name.to_owned() })
    }
}

/// A name that is not one of Kafka's codecs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCompression {
    name: String,
}

impl fmt::Display for UnknownCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown compression {:?}: expected none, gzip, snappy, lz4 or zstd", self.name)
    }
}

impl std::error::Error for UnknownCompression {}

/// What to compress batches with: a codec and, where it has one, its level.
///
/// The constructors check the level against Kafka's range (KIP-390); a level outside it that was
/// written into the fields directly is taken as the nearest one inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// No compression.
    #[default]
    None,
    /// gzip with a level of 1 (fast) to 9 (small), or -1 for zlib's default, which is 6.
    Gzip {
        /// `compression.gzip.level`.
        level: i32,
    },
    /// Snappy, which has no levels.
    Snappy,
    /// LZ4 with a level of 1 to 17.
    ///
    /// The range and the default of 9 are Kafka's, so that its configuration is accepted, but
    /// every level is encoded in the same fast way: the encoder has no slower mode.
    Lz4 {
        /// `compression.lz4.level`.
        level: i32,
    },
    /// zstd with a level of -131072 (fast) to 22 (small), as Kafka has them. The encoder has the levels
    /// -7 to 4; what is beyond them is taken as the nearest.
    Zstd {
        /// `compression.zstd.level`.
        level: i32,
    },
}

impl Compression {
    /// Levels of `compression.gzip.level`, besides -1.
    pub const GZIP_LEVELS: RangeInclusive<i32> = 1..=9;
    /// Kafka's default of `compression.gzip.level`: zlib's own default.
    pub const GZIP_DEFAULT_LEVEL: i32 = -1;
    /// Levels of `compression.lz4.level`.
    pub const LZ4_LEVELS: RangeInclusive<i32> = 1..=17;
    /// Kafka's default of `compression.lz4.level`.
    pub const LZ4_DEFAULT_LEVEL: i32 = 9;
    /// Levels of `compression.zstd.level`.
    pub const ZSTD_LEVELS: RangeInclusive<i32> = -131_072..=22;
    /// Kafka's default of `compression.zstd.level`.
    pub const ZSTD_DEFAULT_LEVEL: i32 = 3;

    /// gzip with this level.
    ///
    /// # Errors
    ///
    /// The level is neither -1 nor 1 to 9.
    pub fn gzip(level: i32) -> Result<Self, InvalidLevel> {
        if level == Self::GZIP_DEFAULT_LEVEL || Self::GZIP_LEVELS.contains(&level) {
            Ok(Self::Gzip { level })
        } else {
            Err(InvalidLevel::new(CompressionType::Gzip, level))
        }
    }

    /// lz4 with this level.
    ///
    /// # Errors
    ///
    /// The level is not 1 to 17.
    pub fn lz4(level: i32) -> Result<Self, InvalidLevel> {
        if Self::LZ4_LEVELS.contains(&level) {
            Ok(Self::Lz4 { level })
        } else {
            Err(InvalidLevel::new(CompressionType::Lz4, level))
        }
    }

    /// zstd with this level.
    ///
    /// # Errors
    ///
    /// The level is not -131072 to 22.
    pub fn zstd(level: i32) -> Result<Self, InvalidLevel> {
        if Self::ZSTD_LEVELS.contains(&level) {
            Ok(Self::Zstd { level })
        } else {
            Err(InvalidLevel::new(CompressionType::Zstd, level))
        }
    }

    /// The codec without its level.
    #[must_use]
    pub const fn codec(self) -> CompressionType {
        match self {
            Self::None => CompressionType::None,
            Self::Gzip { .. } => CompressionType::Gzip,
            Self::Snappy => CompressionType::Snappy,
            Self::Lz4 { .. } => CompressionType::Lz4,
            Self::Zstd { .. } => CompressionType::Zstd,
        }
    }

    /// The level, of codecs that have one.
    #[must_use]
    pub const fn level(self) -> Option<i32> {
        match self {
            Self::None | Self::Snappy => None,
            Self::Gzip { level } | Self::Lz4 { level } | Self::Zstd { level } => Some(level),
        }
    }

    /// The id in the attributes of a batch.
    #[must_use]
    pub const fn id(self) -> u8 {
        self.codec().id()
    }
}

impl From<CompressionType> for Compression {
    /// The codec with Kafka's default level.
    fn from(codec: CompressionType) -> Self {
        match codec {
            CompressionType::None => Self::None,
            CompressionType::Gzip => Self::Gzip { level: Self::GZIP_DEFAULT_LEVEL },
            CompressionType::Snappy => Self::Snappy,
            CompressionType::Lz4 => Self::Lz4 { level: Self::LZ4_DEFAULT_LEVEL },
            CompressionType::Zstd => Self::Zstd { level: Self::ZSTD_DEFAULT_LEVEL },
        }
    }
}

impl fmt::Display for Compression {
    /// Kafka's name, without the level.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.codec().name())
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    /// Kafka's name of a codec, which gets its default level.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse::<CompressionType>().map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_go_both_ways() {
        for codec in CompressionType::ALL {
            assert_eq!(CompressionType::from_id(codec.id()), Some(codec));
            assert_eq!(codec.name().parse(), Ok(codec));
            assert_eq!(Compression::from(codec).codec(), codec);
            assert_eq!(Compression::from(codec).to_string(), codec.to_string());
        }
        assert_eq!(CompressionType::from_id(5), None);
    }

    #[test]
    fn unknown_name_is_quoted_with_the_expected_ones() {
        let error = "zip".parse::<Compression>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown compression \"zip\": expected none, gzip, snappy, lz4 or zstd"
        );
    }

    #[test]
    fn levels_are_checked_against_the_ranges_of_kafka() {
        assert!(Compression::gzip(-1).is_ok() && Compression::gzip(9).is_ok());
        assert!(Compression::gzip(0).is_err() && Compression::gzip(10).is_err());
        assert!(Compression::lz4(1).is_ok() && Compression::lz4(17).is_ok());
        assert!(Compression::lz4(0).is_err() && Compression::lz4(18).is_err());
        assert!(Compression::zstd(-131_072).is_ok() && Compression::zstd(22).is_ok());
        assert_eq!(
            Compression::zstd(23).unwrap_err().to_string(),
            "zstd has no level 23: expected -131072 to 22"
        );
    }
}
