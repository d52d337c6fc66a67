//! The table of keys, asked by itself.

use super::*;

#[test]
#[should_panic(expected = "`fail_max` must be a whole number of 1 or more")]
fn a_constant_with_a_value_out_of_its_range_is_no_constant() {
    Config::new().recovery_timeout(Duration::ZERO).fail_max(0).assert_valid();
}

#[test]
fn each_value_out_of_its_range_is_told_with_the_place() {
    let problems = Config::new().fail_max(0).on_cancel(OnCancel::After(Duration::ZERO)).problems("the test");
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|told| told.contains("the test")), "{told:?}");
    assert!(told[0].contains("fail_max") && told[1].contains("on_cancel"), "{told:?}");
}

#[test]
fn a_key_that_is_not_in_the_table_is_neither_read_nor_shown_nor_set() {
    let mut config = Config::new();
    assert!(config.read("fail_min", "1").is_none());
    assert_eq!((config.shown("fail_min"), config.sets("fail_min"), config), (String::new(), false, Config::new()));
}

#[test]
fn of_two_prefixes_the_first_stands_and_both_are_told() {
    let mut config = Config::new().env("A");
    let told = config.unite(&Config::new().env("B"));
    assert_eq!(told, [("env", "\"A\"".to_owned(), "\"B\"".to_owned())]);
    assert_eq!(config.env, Some("A"));
}
