//! What all pages of the sandbox have in common.

use axum::response::Html;
use commerce_core::money::{Currency, Money};

const STYLE: &str = include_str!("page.css");

/// Text as HTML shows it, in an element or in quotes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// A whole page around `main`, which is HTML already.
pub(super) fn page(title: &str, class: &str, main: &str) -> Html<String> {
    Html(format!(
        r#"<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body><main class="{class}">
<header><b>掌</b><span>掌柜沙箱支付<small lang="en">Zhanggui sandbox · no real money</small></span></header>
{main}
</main></body>
</html>
"#,
        title = escape(title),
    ))
}

/// Chinese, with English beneath.
pub(super) fn both(zh: &str, en: &str) -> String {
    format!(r#"{}<small lang="en">{}</small>"#, escape(zh), escape(en))
}

pub(super) fn amount(amount: Money) -> String {
    let sign = if amount.currency() == Currency::CNY { "¥".to_owned() } else { amount.currency().to_string() };
    format!("<span>{sign}</span>{}", amount.amount())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_markup() {
        assert_eq!(escape(r#"<b onclick='a("1")'>&米"#), "&lt;b onclick=&#39;a(&quot;1&quot;)&#39;&gt;&amp;米");
        assert!(!both("<script>", "</small>").contains("<script>"));
    }
}
