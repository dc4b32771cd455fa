//! How the program says that something went wrong: the code, what happened, what to do, in the reader's language.

use commerce_core::error::{Failure, Language};

#[derive(Debug)]
pub(crate) struct Trouble {
    code: String,
    en: String,
    zh: String,
}

impl Trouble {
    /// Trouble of the program's own, which has no code.
    pub(crate) fn say(what: impl ToString) -> Self {
        Self { code: String::new(), en: what.to_string(), zh: what.to_string() }
    }

    pub(crate) fn print(&self, language: Language) {
        let message = match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        };
        let code = if self.code.is_empty() { String::new() } else { format!(" {}", self.code) };
        eprintln!("zhanggui: error{code}: {message}");
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.en)
    }
}

impl<F: Failure> From<F> for Trouble {
    fn from(failure: F) -> Self {
        let code = format!("{} {}", failure.code().number(), failure.code().name());
        Self { code, en: failure.message(Language::English), zh: failure.message(Language::Chinese) }
    }
}

/// By `ZHANGGUI_LANG`, else by the system's locale.
pub(crate) fn language() -> Language {
    let set = ["ZHANGGUI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    if set.is_some_and(|value| value.starts_with("zh")) { Language::Chinese } else { Language::English }
}
