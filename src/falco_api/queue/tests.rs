use super::*;

fn queue(alerts: &[&str]) -> Queue {
    let queue = Queue::default();
    alerts
        .iter()
        .for_each(|alert| queue.push(alert.as_bytes().to_vec()));
    queue
}

fn rest(mut drain: QueueDrain<'_>) -> Vec<(Vec<u8>, bool)> {
    std::iter::from_fn(|| drain.next()).collect()
}

fn texts(drain: QueueDrain<'_>) -> Vec<String> {
    let rest = rest(drain).into_iter();
    rest.map(|(alert, _)| String::from_utf8(alert).unwrap())
        .collect()
}

#[test]
fn a_drain_takes_all_in_order_and_knows_the_last() {
    let queue = queue(&["a", "b", "c"]);
    assert_eq!(
        rest(queue.drain()),
        [
            (b"a".to_vec(), true),
            (b"b".to_vec(), true),
            (b"c".to_vec(), false)
        ]
    );
    assert_eq!((queue.len(), queue.written()), (0, 3));
}

#[test]
fn what_was_taken_and_not_written_goes_back_to_the_front() {
    let queue = queue(&["a", "b", "c"]);
    let mut cut = queue.drain();
    assert_eq!(cut.next(), Some((b"a".to_vec(), true)));
    drop(cut);
    assert_eq!((queue.len(), queue.written()), (2, 1));
    assert_eq!(texts(queue.drain()), ["b", "c"]);
}

#[test]
fn two_drains_share_the_queue() {
    let queue = queue(&["a", "b", "c"]);
    let (mut one, mut other) = (queue.drain(), queue.drain());
    assert_eq!(one.next(), Some((b"a".to_vec(), true)));
    assert_eq!(other.next(), Some((b"c".to_vec(), false)));
    assert_eq!(one.next(), Some((b"b".to_vec(), false)));
    assert_eq!((one.next(), other.next()), (None, None));
}

#[test]
fn fanned_out_each_subscriber_gets_all_since_it_came() {
    let queue = Queue::new(true, Ahead::default());
    queue.push(b"a".to_vec());
    let one = queue.subscribe();
    queue.push(b"b".to_vec());
    let other = queue.subscribe();
    queue.push(b"c".to_vec());
    assert_eq!(texts(one.drain()), ["a", "b", "c"]);
    assert_eq!(texts(other.drain()), ["c"]);
    queue.push(b"d".to_vec());
    drop(one);
    drop(other);
    // The last who left had not taken it.
    assert_eq!(texts(queue.subscribe().drain()), ["d"]);
}

#[cfg(feature = "relay")]
#[test]
fn numbers_are_released_when_all_who_get_them_have_written_them() {
    let queue = Queue::new(true, Ahead::default());
    let (one, other) = (queue.subscribe(), queue.subscribe());
    queue.push_numbered(7, b"a".to_vec());
    queue.push_numbered(8, b"b".to_vec());
    assert_eq!(queue.released(0), Some(7));
    assert_eq!(texts(one.drain()), ["a", "b"]);
    let mut half = other.drain();
    half.next();
    assert_eq!(queue.released(0), Some(7), "it is still being written");
    half.next();
    assert_eq!(queue.released(7), Some(8));
    drop(half);
    assert_eq!(queue.released(7), Some(8), "it was not written");
    assert_eq!(texts(other.drain()), ["b"]);
    assert_eq!(queue.released(8), Some(9));
    queue.end();
    assert_eq!(queue.released(9), None);
}

#[cfg(feature = "relay")]
#[test]
fn a_reader_holds_up_the_queue_that_has_no_room_for_it() {
    let ahead = Ahead {
        alerts: 2,
        bytes: 100,
    };
    let queue = Queue::new(true, ahead);
    let (one, other) = (queue.subscribe(), queue.subscribe());
    let now = Duration::ZERO;
    queue.push_numbered(1, b"a".to_vec());
    assert_eq!(queue.wait_for_room(now), Room::Free);
    queue.push_numbered(2, b"b".to_vec());
    assert_eq!(queue.wait_for_room(now), Room::None { served: true });
    assert_eq!(texts(one.drain()), ["a", "b"]);
    assert_eq!((one.held_up(), other.held_up()), (None, Some(1)));
    drop(other);
    assert_eq!(queue.wait_for_room(now), Room::Free);
    drop(one);
    queue.push_numbered(3, b"c".to_vec());
    queue.push_numbered(4, b"d".to_vec());
    assert_eq!(queue.wait_for_room(now), Room::None { served: false });
    queue.end();
    assert_eq!(queue.wait_for_room(now), Room::Ended);
}
