//! A letter from its parts: the same words as plain text and as HTML.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// A mail, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// One line; the same for everybody, so that nothing can be smuggled into it.
    pub subject: String,
    /// For those who read text.
    pub text: String,
    /// For those who read HTML.
    pub html: String,
}

/// The parts of a letter. Everything may come from outsiders: it is escaped.
pub struct Parts<'a> {
    /// The address.
    pub to: &'a str,
    /// One line.
    pub subject: &'static str,
    /// How its reader is called here.
    pub name: Option<&'a str>,
    /// What it says before the link.
    pub before: &'a [String],
    /// Words for the link and where it goes.
    pub link: Option<(&'static str, String)>,
    /// What it says after the link.
    pub after: &'a [&'static str],
    /// Where this Tracklore is.
    pub public_url: &'a str,
}

impl Parts<'_> {
    /// The letter.
    pub fn letter(&self) -> Letter {
        Letter {
            to: self.to.to_owned(),
            subject: self.subject.to_owned(),
            text: self.text(),
            html: self.html(),
        }
    }

    fn greeting(&self) -> String {
        self.name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"))
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.greeting());
        for paragraph in self.before {
            let _ = write!(text, "{paragraph}\n\n");
        }
        if let Some((words, url)) = &self.link {
            let _ = write!(text, "{words}:\n{url}\n\n");
        }
        for paragraph in self.after {
            let _ = write!(text, "{paragraph}\n\n");
        }
        let _ = writeln!(text, "-- \nTracklore, {}", self.public_url);
        text
    }

    fn html(&self) -> String {
        let mut body = format!("<p>{}</p>\n", escape(&self.greeting()));
        for paragraph in self.before {
            let _ = writeln!(body, "<p>{}</p>", escape(paragraph));
        }
        if let Some((words, url)) = &self.link {
            let (words, url) = (escape(words), escape(url));
            let _ =
                writeln!(body, "<p><a href=\"{url}\">{words}</a></p>\n<p>Or open this address: {url}</p>");
        }
        for paragraph in self.after {
            let _ = writeln!(body, "<p>{}</p>", escape(paragraph));
        }
        let (subject, home) = (escape(self.subject), escape(self.public_url));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
             <body>\n{body}<p>Tracklore, {home}</p>\n</body>\n</html>\n"
        )
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(name: &'a str, before: &'a [String]) -> Parts<'a> {
        Parts {
            to: "ada@example.org",
            subject: "Hello",
            name: Some(name),
            before,
            link: Some(("Go", "https://tracklore.example/x#a&b".to_owned())),
            after: &["Bye."],
            public_url: "https://tracklore.example",
        }
    }

    #[test]
    fn text_and_html_say_the_same_with_the_link() {
        let letter = parts("ada", &["One.".to_owned()]).letter();
        assert_eq!(
            letter.text,
            "Hello ada,\n\nOne.\n\nGo:\nhttps://tracklore.example/x#a&b\n\nBye.\n\n-- \nTracklore, https://tracklore.example\n"
        );
        assert!(
            letter.html.contains(
                "<p>Hello ada,</p>\n<p>One.</p>\n<p><a href=\"https://tracklore.example/x#a&amp;b\">"
            )
        );
    }

    #[test]
    fn what_outsiders_wrote_stays_text() {
        let letter = parts("<b>ada</b>", &["\"'<script>&".to_owned()]).letter();
        assert!(letter.html.contains("Hello &lt;b&gt;ada&lt;/b&gt;,"));
        assert!(letter.html.contains("<p>&quot;&#39;&lt;script&gt;&amp;</p>"));
    }
}
