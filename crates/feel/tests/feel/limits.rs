//! Bounds: depth, size and steps, whatever an expression says.

use milena_feel::{
    Context, Environment, EvaluationErrorKind, Expression, Limits, UnaryTests, Value,
};

fn evaluate(text: &str, limits: Limits) -> Result<Value, EvaluationErrorKind> {
    let expression = Expression::parse(text).unwrap();
    let environment = Environment::new().limits(limits).randomness(&crate::table::random);
    expression.evaluate(&Context::new(), &environment).map_err(|error| error.kind())
}

fn stopped(text: &str) -> EvaluationErrorKind {
    evaluate(text, Limits::default()).expect_err(text)
}

#[test]
fn a_text_that_nests_too_deep_is_refused_and_not_a_stack_overflow() {
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{a:", "1", "}"),
        ("if true then ", "1", " else 2"),
        ("if ", "true", " then 1 else 2"),
        ("for x in [1] return ", "x", ""),
        ("some x in [true] satisfies ", "x", ""),
        ("function(x) ", "x", ""),
        ("abs(", "1", ")"),
        ("a[", "1", "]"),
        ("1 in (", "1", ")"),
        ("1 in [", "1", "]"),
        ("1 in >", "1", ""),
        ("- (", "1", ")"),
        ("2 ** (", "1", ")"),
        ("[1..", "2", "]"),
        ("]", "1", "..2["),
        ("1 instance of ", "number", ""),
        ("1 between (", "1", ") and 2"),
        ("(<", "1", ")"),
    ] {
        let text = format!("{}{inner}{}", open.repeat(20_000), close.repeat(20_000));
        let error = Expression::parse(&text).unwrap_err().to_string();
        assert!(UnaryTests::parse(&text).is_err());
        assert!(!error.is_empty(), "{open}");
    }
    let text = format!("1 instance of {}number{}", "list<".repeat(20_000), ">".repeat(20_000));
    assert!(Expression::parse(&text).unwrap_err().to_string().contains("levels of nesting"));
    assert!(Expression::parse(&"-".repeat(100_000)).is_err());
    assert!(Expression::parse(&"not(".repeat(20_000)).is_err());
}

#[test]
fn as_deep_as_a_text_may_be_it_is_parsed_and_evaluated_on_a_small_stack() {
    for (open, inner, close) in
        [("(", "1", ")"), ("[", "1", "]"), ("{a:", "1", "}"), ("for x in [1] return ", "x", "")]
    {
        let text = format!("{}{inner}{}", open.repeat(40), close.repeat(40));
        let work = move || evaluate(&text, Limits::default()).map(|value| value.to_json_text());
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap();
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn long_chains_are_not_deep() {
    for (first, more) in [
        ("1", " + 1"),
        ("1", " * 1"),
        ("true", " and true"),
        ("false", " or false"),
        ("[[1]]", "[true]"),
        ("{a: 1}", ".a"),
        ("1", " ** 1"),
    ] {
        let text = format!("{first}{}", more.repeat(5_000));
        evaluate(&text, Limits::default()).unwrap();
    }
    let text = format!("{}1", "if false then 0 else ".repeat(5_000));
    assert_eq!(evaluate(&text, Limits::default()), Ok(1.into()));
}

#[test]
fn recursion_ends_at_the_limit_of_depth() {
    use EvaluationErrorKind::{Depth, Steps};
    let forever = "{f: function(x) f(x + 1), r: f(1)}.r";
    assert_eq!(stopped(forever), Depth);
    // As deep as the default goes, on the stack that threads have.
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let thread =
        thread.spawn(move || stopped("{f: function(x) [f(x + 1)][1], r: f(1)}.r")).unwrap();
    assert_eq!(thread.join().unwrap(), Depth);
    assert_eq!(evaluate(forever, Limits::default().depth_max(20)), Err(Depth));
    let both = "{f: function(x) if x = 0 then 0 else f(x - 1) + f(x - 1), r: f(40)}.r";
    assert_eq!(stopped(both), Steps);
    // Values that grow deeper with each item.
    assert_eq!(stopped("for i in 1..1000 return [partial[-1]]"), Depth);
    assert_eq!(stopped("for i in 1..1000 return {a: partial[-1]}"), Depth);
    assert_eq!(stopped("for i in 1..1000 return function() partial[-1]"), Depth);
    assert_eq!(stopped("for i in 1..1000 return [partial[-1]..1]"), Depth);
    let closures = "for i in 1..1000 return if i = 1 then function(x) function(y) y \
                    else (partial[-1])(function(z) partial)";
    assert!(matches!(evaluate(closures, Limits::default()), Ok(_) | Err(Depth | Steps)));
}

#[test]
fn values_end_at_the_limit_of_size() {
    use EvaluationErrorKind::{Size, Steps};
    let double = "for i in 1..100 return if i = 1 then \"ab\" else partial[-1] + partial[-1]";
    assert!(matches!(stopped(double), Size | Steps));
    // Lists that share their parts are as large as what they stand for.
    let shared = "for i in 1..100 return if i = 1 then [1] else [partial[-1], partial[-1]]";
    assert!(matches!(stopped(shared), Size | Steps));
    let text = "replace(string join(for i in 1..2000 return \"a\"), \"a\", \
                string join(for i in 1..2000 return \"$0$0$0$0$0$0$0$0$0$0$0\"))";
    assert!(matches!(stopped(text), Size | Steps));
    let small = Limits::default().value_bytes_max(1000);
    assert_eq!(evaluate("for i in 1..1000 return i", small), Err(Size));
    assert_eq!(evaluate("{a: for i in 1..50 return i, b: [a, a]}", small), Err(Size));
}

#[test]
fn loops_end_at_the_limit_of_steps() {
    use EvaluationErrorKind::Steps;
    assert_eq!(stopped("some x in 1..1000000000000 satisfies false"), Steps);
    assert_eq!(stopped("every x in 1..1000000000000 satisfies true"), Steps);
    assert_eq!(
        stopped("some a in 1..1000, b in 1..1000, c in 1..1000 satisfies a + b + c < 0"),
        Steps
    );
    assert_eq!(
        stopped("count((for i in 1..100000 return i)[some x in 1..item satisfies false])"),
        Steps
    );
    assert_eq!(evaluate("1 + 1", Limits::default().steps_max(1)), Err(Steps));
    assert_eq!(evaluate("1 + 1", Limits::default().steps_max(10)), Ok(2.into()));
    let error = Expression::parse("for x in 1..100 return x")
        .unwrap()
        .evaluate(&Context::new(), &Environment::new().limits(Limits::default().steps_max(50)))
        .unwrap_err();
    assert_eq!(error.to_string(), "the evaluation takes more than steps_max = 50 steps");
}

#[test]
fn patterns_match_in_linear_time_and_bounded_space() {
    let evil = "matches(string join(for i in 1..5000 return \"a\") + \"b\", \"^(a+)+$\")";
    assert_eq!(evaluate(evil, Limits::default()), Ok(false.into()));
    for pattern in ["(a{1000}){1000}", "[", "(?=a)", "a{99999}", "\\\\p{Nothing}", "(((((", "[a-"] {
        let text = format!("matches(\"a\", \"{pattern}\")");
        assert_eq!(evaluate(&text, Limits::default()), Ok(Value::Null), "{pattern}");
    }
}
