use std::collections::BTreeMap;

use ironloom_core::{Rng, Seed};

use super::*;

#[test]
fn what_is_no_name_is_refused() {
    let mut environment = Environment::default();
    for (name, value) in [(&b""[..], &b"x"[..]), (b"A=B", b"x"), (b"A\0", b"x"), (b"A", b"\0")] {
        assert_eq!(environment.set(name, value), Err(Errno::Invalid));
    }
    assert!(environment.is_empty());
}

#[test]
fn it_has_a_limit() {
    let mut environment = Environment::default();
    assert_eq!(environment.set(b"A", &vec![b'x'; Environment::BYTES_MAX]), Err(Errno::NoMemory));
    let most = vec![b'x'; Environment::BYTES_MAX - 2];
    environment.set(b"A", &most).unwrap();
    environment.set(b"A", &most).unwrap();
    assert_eq!(environment.set(b"B", b""), Err(Errno::NoMemory));
    environment.remove(b"A");
    for index in 0..Environment::NAMES_MAX {
        environment.set(format!("N{index}").as_bytes(), b"").unwrap();
    }
    assert_eq!(environment.set(b"B", b""), Err(Errno::NoMemory));
    environment.set(b"N1", b"again").unwrap();
}

#[test]
fn agrees_with_a_map() {
    for seed in 0..20 {
        let mut rng = Rng::new(Seed::new(seed));
        let (mut environment, mut model) = (Environment::default(), BTreeMap::new());
        for _ in 0..500 {
            let name = format!("N{}", rng.below(30)).into_bytes();
            if rng.below(3) == 0 {
                environment.remove(&name);
                model.remove(&name);
            } else {
                let value = vec![b'v'; rng.below(20) as usize];
                let before = environment.clone();
                environment.set(&name, &value).unwrap();
                assert_eq!(
                    before.value(&name),
                    model.get(&name).map(|value: &Vec<u8>| &value[..]),
                    "seed {seed}"
                );
                model.insert(name.clone(), value);
            }
            assert_eq!(environment.value(&name), model.get(&name).map(|value| &value[..]), "seed {seed}");
        }
        let expected: Vec<_> = model.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert_eq!(environment.iter().collect::<Vec<_>>(), expected, "seed {seed}");
    }
}
