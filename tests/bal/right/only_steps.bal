use fetch_url with { url: "https://example.com" } => page
select { text: $page.text }
