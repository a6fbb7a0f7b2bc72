//! A spool that has no room.

use super::*;

#[test]
fn a_full_spool_blocks_until_all_sinks_have_confirmed() {
    both(2 * COST, Overflow::Wait, &["a", "b"], |spool| {
        let spool = Arc::new(spool);
        spool.put(alerts(1..=2)).unwrap();
        let end = put(&spool, alerts(3..=3));
        assert!(is_blocked(&end));
        spool.confirm(0, 2);
        assert!(is_blocked(&end));
        spool.confirm(1, 1);
        end.recv_timeout(LIMIT).unwrap().unwrap();
        assert_eq!(take(&spool, 1, 10), texts(2..=3));
        thread::scope(|scope| {
            let empty = scope.spawn(|| spool.wait_empty(Instant::now() + LIMIT));
            spool.confirm(0, 3);
            spool.confirm(1, 3);
            assert!(empty.join().unwrap());
        });
    });
}

#[test]
fn closing_the_intake_ends_a_blocked_put_and_leaves_the_rest() {
    both(COST, Overflow::Wait, &["a"], |spool| {
        let spool = Arc::new(spool);
        spool.put(alerts(1..=1)).unwrap();
        let end = put(&spool, alerts(2..=2));
        assert!(is_blocked(&end));
        spool.close_intake();
        assert!(end.recv_timeout(LIMIT).unwrap().is_err());
        assert_eq!(take(&spool, 0, 10), texts(1..=1));
        assert_eq!(spool.position("one"), Some(position(1)));
    });
}

#[test]
fn an_alert_larger_than_the_capacity_passes_through_an_empty_spool() {
    for overflow in [Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest] {
        both(0, overflow, &["a"], |spool| {
            for number in 1..=3 {
                spool.put(alerts(number..=number)).unwrap();
                assert_eq!(take(&spool, 0, 10), texts(number..=number));
                spool.confirm(0, number);
            }
            assert_eq!((spool.usage().stored, spool.usage().dropped), (3, 0));
        });
    }
}

#[test]
fn the_oldest_are_dropped() {
    both(3 * COST, Overflow::DropOldest, &["a", "b"], |spool| {
        spool.put(alerts(1..=3)).unwrap();
        assert_eq!(take(&spool, 0, 10), texts(1..=3));
        spool.confirm(0, 3);
        spool.put(alerts(4..=5)).unwrap();
        assert_eq!(spool.usage().sinks, sinks(&[(2, 0), (3, 2)]));
        // More than fits at once: what could not stay has no number.
        spool.put(alerts(6..=9)).unwrap();
        let usage = Usage {
            stored: 8,
            dropped: 6,
            alerts: 3,
            bytes: 3 * COST,
            trouble: Trouble {
                full: true,
                ..Trouble::default()
            },
            damage: DamageUsage::default(),
            sinks: sinks(&[(3, 3), (3, 6)]),
        };
        assert_eq!(spool.usage(), usage);
        let texts = texts(7..=9).into_iter();
        let numbered = texts.map(|(number, text)| (number - 1, text));
        assert_eq!(take(&spool, 1, 10), numbered.collect::<Vec<_>>());
        assert_eq!(spool.position("one"), Some(position(9)));
    });
}

#[test]
fn what_a_sink_was_given_before_is_not_dropped() {
    both(3 * COST, Overflow::DropOldest, &["a"], |spool| {
        spool.put(alerts(1..=3)).unwrap();
        assert_eq!(take(&spool, 0, 2), texts(1..=2));
        spool.put(alerts(4..=8)).unwrap();
        // 4 and 5 had no room at all, 3 was there and was not given.
        assert_eq!(spool.usage().dropped, 3);
        assert_eq!(spool.usage().sinks, sinks(&[(5, 3)]));
        assert_eq!(spool.confirm(0, 2), 2);
        let given: Vec<_> = take(&spool, 0, 10)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(given, ["000006", "000007", "000008"]);
        spool.put(alerts(9..=10)).unwrap();
        assert_eq!(spool.usage().dropped, 3);
        // Of what was in flight at the end, the last is still there.
        spool.release();
        assert_eq!(spool.usage().dropped, 5);
        assert_eq!(spool.usage().sinks, sinks(&[(3, 5)]));
    });
}

#[test]
fn the_newest_are_dropped_and_their_source_goes_on() {
    both(3 * COST, Overflow::DropNewest, &["a"], |spool| {
        spool.put(alerts(1..=2)).unwrap();
        spool.put(alerts(3..=5)).unwrap();
        assert_eq!(take(&spool, 0, 10), texts(1..=3));
        assert_eq!((spool.usage().stored, spool.usage().dropped), (3, 2));
        assert_eq!(spool.usage().sinks, sinks(&[(3, 2)]));
        assert_eq!(spool.position("one"), Some(position(5)));
    });
}

#[test]
fn a_spool_is_full_until_an_eighth_of_it_is_free() {
    both(8 * COST, Overflow::Wait, &["a"], |spool| {
        let spool = Arc::new(spool);
        let is_full = || spool.usage().trouble.full;
        spool.put(alerts(1..=8)).unwrap();
        assert!(!is_full());
        let end = put(&spool, alerts(9..=9));
        until("it is full", is_full);
        take(&spool, 0, 10);
        spool.confirm(0, 1);
        end.recv_timeout(LIMIT).unwrap().unwrap();
        assert!(is_full());
        spool.confirm(0, 2);
        assert!(is_full());
        spool.confirm(0, 3);
        assert!(!is_full());
    });
    both(COST, Overflow::DropNewest, &["a"], |spool| {
        spool.put(alerts(1..=1)).unwrap();
        assert!(!spool.usage().trouble.full);
        spool.put(alerts(2..=2)).unwrap();
        assert!(spool.usage().trouble.full);
        take(&spool, 0, 10);
        spool.confirm(0, 1);
        assert!(!spool.usage().trouble.full);
    });
}
