//! The program as a service: opened as a newcomer opens it, killed, opened again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod open;
mod story;
