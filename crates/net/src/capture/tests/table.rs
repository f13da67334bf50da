//! The table against a list.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::table::{Queue, Table};

const QUEUES: [Queue; 2] = [Queue::Active, Queue::Lingering];

proptest! {
    #[test]
    fn a_table_is_two_lists(steps in vec((0..4_u8, 0..12_u8), 0..300), seed: u64) {
        let mut table: Table<u8, u8> = Table::new(seed);
        let mut lists: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
        for (step, key) in steps {
            match (step, table.place(&key)) {
                (0, None) => {
                    table.insert(key, key);
                    lists[0].push(key);
                }
                (1 | 2, Some(place)) => {
                    let queue = QUEUES[usize::from(step - 1)];
                    table.touch(place, queue);
                    lists.iter_mut().for_each(|list| list.retain(|other| *other != key));
                    lists[queue as usize].push(key);
                }
                (3, Some(place)) => {
                    prop_assert_eq!(table.remove(place), Some((key, key)));
                    prop_assert_eq!(table.remove(place), None);
                    lists.iter_mut().for_each(|list| list.retain(|other| *other != key));
                }
                _ => {}
            }
            prop_assert_eq!(table.len(), lists[0].len() + lists[1].len());
            for queue in QUEUES {
                prop_assert_eq!(table.first(queue).map(|(_, value)| value), lists[queue as usize].first());
            }
        }
        for queue in QUEUES {
            while let Some((place, value)) = table.first(queue).map(|(place, value)| (place, *value)) {
                prop_assert_eq!(lists[queue as usize].remove(0), value);
                table.remove(place);
            }
            prop_assert!(lists[queue as usize].is_empty());
        }
    }
}
