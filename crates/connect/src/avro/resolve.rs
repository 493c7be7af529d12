//! Whether what one schema wrote can be read by another.

use super::types::{Base, Type, TypeId, TypeName, Types, simple};

/// The branch of a reader's union for what was written: the same named type, else the same type, else
/// the first that it can be promoted to.
pub(super) fn reader_branch(written: &Type, types: &Types, branches: &[TypeId]) -> Option<usize> {
    let by = |is: &dyn Fn(&Type) -> bool| branches.iter().position(|id| is(types.get(*id)));
    let full = |kind: &Type| kind.type_name().map(|name| name.full.clone());
    by(&|read| {
        written.base() == read.base() && full(written) == full(read) && !clash(written, read)
    })
    .or_else(|| by(&|read| same_kind(written, read) && !clash(written, read)))
    .or_else(|| by(&|read| is_promotable(written.base(), read.base())))
}

/// Whether one can be read as the other as it stands.
pub(super) fn same_kind(written: &Type, read: &Type) -> bool {
    written.base() == read.base()
        && match (written.type_name(), read.type_name()) {
            (Some(written), Some(read)) => names_match(written, read),
            _ => true,
        }
}

/// Names match without their namespaces, or when the reader's type had the writer's name.
fn names_match(written: &TypeName, read: &TypeName) -> bool {
    written.simple() == read.simple()
        || read.aliases.iter().any(|alias| {
            *alias == written.full || (!alias.contains('.') && simple(alias) == written.simple())
        })
}

/// What the specification promotes.
pub(super) fn is_promotable(written: Base, read: Base) -> bool {
    use Base::{Bytes, Double, Float, Int, Long, String};
    matches!(
        (written, read),
        (Int, Long | Float | Double)
            | (Long, Float | Double)
            | (Float, Double)
            | (String, Bytes)
            | (Bytes, String)
    )
}

/// Whether both mean something by the same bytes, and not the same.
pub(super) fn clash(written: &Type, read: &Type) -> bool {
    match (written, read) {
        (Type::Decimal(written), Type::Decimal(read)) => written.scale != read.scale,
        (Type::Time(written), Type::Time(read))
        | (Type::Timestamp(written), Type::Timestamp(read))
        | (Type::LocalTimestamp(written), Type::LocalTimestamp(read)) => written != read,
        (Type::Date, Type::Time(_))
        | (Type::Time(_), Type::Date | Type::Timestamp(_) | Type::LocalTimestamp(_))
        | (Type::Timestamp(_), Type::Time(_) | Type::LocalTimestamp(_))
        | (Type::LocalTimestamp(_), Type::Time(_) | Type::Timestamp(_)) => true,
        _ => false,
    }
}
