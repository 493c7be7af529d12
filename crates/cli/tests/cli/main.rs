//! The program as its users run it.

mod program;
mod run;
