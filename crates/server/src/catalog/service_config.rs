//! `google.api.Service` in YAML: the parts that say what is served, and to whom.

use longrun_transcoding::Rule;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{CatalogError, Problem};

/// A service config, with the line of everything that may turn out to be odd.
#[derive(Debug)]
pub(super) struct ServiceConfig {
    /// The service's name.
    pub(super) name: String,
    /// Proto services by full name, in order.
    pub(super) apis: Vec<Placed<String>>,
    /// HTTP rules, in order.
    http: Vec<Placed<HttpRule>>,
    /// Scopes by selector, in order.
    authentication: Vec<Placed<ScopeRule>>,
}

/// Something and its `FILE:LINE`.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) what: T,
    pub(super) place: String,
}

/// The bindings of one method.
#[derive(Clone, Debug)]
pub(super) struct HttpRule {
    /// `pkg.Service.Method`.
    pub(super) selector: String,
    /// The rule and its additional bindings.
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct ScopeRule {
    /// `pkg.Service.Method`, or a prefix and `*`.
    selector: String,
    scopes: Vec<String>,
}

impl ServiceConfig {
    /// Reads a service config.
    ///
    /// # Errors
    /// When it is no YAML, or none of a service: `FILE:LINE:COLUMN` and what was expected.
    pub(super) fn parse(
        file: &str,
        text: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, CatalogError> {
        let yaml: Yaml = serde_saphyr::from_str(text).map_err(|error| {
            let place = match error.location() {
                Some(at) => format!("{file}:{}:{}", at.line(), at.column()),
                None => file.to_owned(),
            };
            CatalogError(format!("{place}: {}", error.without_snippet()))
        })?;
        let place = |line: u64| format!("{file}:{line}");
        // What is missing is missing from the first line on.
        let wrong = |at: Option<&Spanned<String>>, what: String| {
            let place = place(at.map_or(1, |at| at.referenced.line()));
            CatalogError(format!("{place}: {what}"))
        };
        let kind = yaml.kind.as_ref().map_or("", |kind| &kind.value);
        if kind != "google.api.Service" {
            let what = format!("`type` is \"{kind}\"; expected google.api.Service");
            return Err(wrong(yaml.kind.as_ref(), what));
        }
        let Some(name) = yaml.name.as_ref().filter(|name| !name.value.is_empty()) else {
            let what = "`name` is missing: the service's host name".to_owned();
            return Err(wrong(yaml.name.as_ref(), what));
        };
        let mut http = Vec::new();
        for rule in yaml.http.rules {
            let place = place(rule.referenced.line());
            let selector = rule.value.selector.clone();
            match rule.value.into_rules() {
                Ok(rules) => http.push(Placed { what: HttpRule { selector, rules }, place }),
                Err(what) => problems.push(Problem::error(place, format!("{selector}: {what}"))),
            }
        }
        let scope_rule = |rule: Spanned<AuthenticationRule>| {
            let scopes = rule.value.oauth.canonical_scopes;
            let scopes = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty());
            let what = ScopeRule {
                selector: rule.value.selector,
                scopes: scopes.map(str::to_owned).collect(),
            };
            Placed { what, place: place(rule.referenced.line()) }
        };
        let api = |api: Api| {
            let place = place(api.name.referenced.line());
            Placed { what: api.name.value, place }
        };
        Ok(Self {
            name: name.value.clone(),
            apis: yaml.apis.into_iter().map(api).collect(),
            http,
            authentication: yaml.authentication.rules.into_iter().map(scope_rule).collect(),
        })
    }

    /// The rule of a method; the last one wins (`google/api/http.proto`). With its place
    /// among the rules, which decides between rules of the same shape.
    pub(super) fn http(&self, selector: &str) -> Option<(usize, &Placed<HttpRule>)> {
        self.http.iter().enumerate().rfind(|(_, rule)| rule.what.selector == selector)
    }

    /// The scopes of a method, if a rule with some selects it; the last one wins.
    pub(super) fn scopes(&self, selector: &str) -> Option<&[String]> {
        let rule = self.authentication.iter().rfind(|rule| selects(&rule.what.selector, selector));
        rule.map(|rule| rule.what.scopes.as_slice()).filter(|scopes| !scopes.is_empty())
    }

    /// Whether an HTTP or authentication rule is about this RPC of a mixin: one that selects
    /// everything says nothing of it.
    pub(super) fn mentions(&self, service: &str, selector: &str) -> bool {
        let about = |rule: &str| rule.starts_with(service) && selects(rule, selector);
        self.http.iter().any(|rule| about(&rule.what.selector))
            || self.authentication.iter().any(|rule| about(&rule.what.selector))
    }

    /// Every selector of either kind, with its place.
    pub(super) fn selectors(&self) -> impl Iterator<Item = (&str, &str)> {
        let http = self.http.iter().map(|rule| (rule.what.selector.as_str(), rule.place.as_str()));
        let scopes = self.authentication.iter();
        http.chain(scopes.map(|rule| (rule.what.selector.as_str(), rule.place.as_str())))
    }
}

/// Whether a selector, which may end in `*`, takes a full name.
pub(super) fn selects(selector: &str, name: &str) -> bool {
    match selector.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => selector == name,
    }
}

// The YAML as it is written. Google's configs have many more keys; those are not for us.

#[derive(Deserialize)]
struct Yaml {
    #[serde(rename = "type", default)]
    kind: Option<Spanned<String>>,
    #[serde(default)]
    name: Option<Spanned<String>>,
    #[serde(default)]
    apis: Vec<Api>,
    #[serde(default)]
    http: Rules<HttpRuleYaml>,
    #[serde(default)]
    authentication: Rules<AuthenticationRule>,
}

#[derive(Deserialize)]
struct Api {
    name: Spanned<String>,
}

#[derive(Deserialize)]
struct Rules<T> {
    #[serde(default = "Vec::new")]
    rules: Vec<Spanned<T>>,
}

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self { rules: Vec::new() }
    }
}

#[derive(Deserialize)]
struct AuthenticationRule {
    selector: String,
    #[serde(default)]
    oauth: OAuth,
}

#[derive(Default, Deserialize)]
struct OAuth {
    #[serde(default)]
    canonical_scopes: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HttpRuleYaml {
    selector: String,
    get: Option<String>,
    put: Option<String>,
    post: Option<String>,
    delete: Option<String>,
    patch: Option<String>,
    custom: Option<Custom>,
    body: String,
    response_body: String,
    additional_bindings: Vec<HttpRuleYaml>,
}

#[derive(Deserialize)]
struct Custom {
    kind: String,
    path: String,
}

impl HttpRuleYaml {
    fn into_rules(self) -> Result<Vec<Rule>, String> {
        let custom = self.custom.map(|custom| (custom.kind, custom.path));
        let plain = [
            ("GET", self.get),
            ("PUT", self.put),
            ("POST", self.post),
            ("DELETE", self.delete),
            ("PATCH", self.patch),
        ];
        let plain = plain.into_iter().filter_map(|(verb, path)| Some((verb.to_owned(), path?)));
        let mut patterns = plain.chain(custom);
        let (Some((verb, path)), None) = (patterns.next(), patterns.next()) else {
            return Err("expected one of get, put, post, delete, patch, custom".to_owned());
        };
        let rule = Rule::new(&verb, &path, &self.body, &self.response_body)
            .map_err(|error| format!("`{path}`: {error}"))?;
        let mut rules = vec![rule];
        for additional in self.additional_bindings {
            rules.extend(additional.into_rules()?);
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Result<ServiceConfig, String>, Vec<Problem>) {
        let mut problems = Vec::new();
        let config = ServiceConfig::parse("s.yaml", text, &mut problems);
        (config.map_err(|error| error.to_string()), problems)
    }

    const SERVICE: &str = "\
type: google.api.Service
config_version: 3
name: lib.example.com
title: Library
apis:
- name: lib.v1.Library
- name: google.longrunning.Operations
documentation:
  summary: >-
    Books.
http:
  rules:
  - selector: google.longrunning.Operations.GetOperation
    get: '/v1/{name=operations/**}'
    additional_bindings:
    - get: '/v1/{name=shelves/*/operations/*}'
  - selector: lib.v1.Library.Bind
    post: '/v1/{name=books/*}:bind'
    body: '*'
  - selector: lib.v1.Library.Bind
    post: '/v2/{name=books/*}:bind'
    body: '*'
authentication:
  rules:
  - selector: 'lib.v1.Library.*'
    oauth:
      canonical_scopes: |-
        https://example.com/a,
        https://example.com/b
  - selector: lib.v1.Library.Bind
    oauth:
      canonical_scopes: https://example.com/bind
";

    #[test]
    fn the_last_rule_wins() {
        let (config, problems) = parse(SERVICE);
        let config = config.unwrap();
        assert_eq!(problems, []);
        assert_eq!(config.name, "lib.example.com");
        assert_eq!(config.apis[1].place, "s.yaml:7");
        let (index, bind) = config.http("lib.v1.Library.Bind").unwrap();
        assert_eq!((index, bind.place.as_str()), (2, "s.yaml:20"));
        assert_eq!(bind.what.rules[0].template.to_string(), "/v2/{name=books/*}:bind");
        let (_, get) = config.http("google.longrunning.Operations.GetOperation").unwrap();
        assert_eq!(get.what.rules.len(), 2);
        let shared = ["https://example.com/a".to_owned(), "https://example.com/b".to_owned()];
        assert_eq!(config.scopes("lib.v1.Library.Lend"), Some(&shared[..]));
        let own = ["https://example.com/bind".to_owned()];
        assert_eq!(config.scopes("lib.v1.Library.Bind"), Some(&own[..]));
        assert_eq!(config.scopes("google.longrunning.Operations.GetOperation"), None);
    }

    #[test]
    fn what_a_rule_mentions() {
        let (config, _) = parse(SERVICE);
        let config = config.unwrap();
        let operations = "google.longrunning.Operations";
        for (rpc, mentioned) in [("GetOperation", true), ("ListOperations", false)] {
            let selector = format!("{operations}.{rpc}");
            assert_eq!(config.mentions(operations, &selector), mentioned, "{rpc}");
        }
        let everything = "type: google.api.Service\nname: s\nauthentication:\n  rules:\n  - selector: '*'\n    oauth: {canonical_scopes: a}\n";
        let (config, _) = parse(everything);
        let get = "google.longrunning.Operations.GetOperation";
        assert!(!config.unwrap().mentions(operations, get));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let table = [
            ("name: s\n", "s.yaml:1: `type` is \"\"; expected google.api.Service"),
            ("name: s\ntype: x\n", "s.yaml:2: `type` is \"x\"; expected google.api.Service"),
            ("type: google.api.Service\n", "s.yaml:1: `name` is missing: the service's host name"),
            (
                "type: google.api.Service\n\nname: ''\n",
                "s.yaml:3: `name` is missing: the service's host name",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).0.unwrap_err(), expected);
        }
        for broken in ["type: [\n", "type: google.api.Service\nname: s\nhttp: 5\n"] {
            let error = parse(broken).0.unwrap_err();
            assert!(error.starts_with("s.yaml:"), "{error}");
        }
        let odd = "type: google.api.Service\nname: s\nhttp:\n  rules:\n  - selector: a.B.C\n    get: v1\n  - selector: a.B.D\n    body: '*'\n";
        let (config, problems) = parse(odd);
        assert!(config.unwrap().http("a.B.C").is_none());
        let places: Vec<&str> = problems.iter().map(|one| one.location.as_str()).collect();
        assert_eq!(places, ["s.yaml:5", "s.yaml:7"]);
    }
}
