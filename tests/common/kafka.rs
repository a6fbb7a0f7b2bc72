//! A cluster of librdkafka's own mock brokers, which listen on ports of this machine, and a plain client.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::LIMIT;

pub const TOPIC: &str = "alerts";

/// It ends when it is dropped, and keeps nothing.
pub struct Cluster {
    pub mock: MockCluster<'static, DefaultProducerContext>,
    partitions: i32,
}

/// A message as it is in the topic.
#[derive(Debug)]
pub struct Written {
    pub partition: i32,
    pub key: Option<String>,
    pub value: Vec<u8>,
    pub headers: Vec<(String, String)>,
}

impl Cluster {
    /// With one broker, and a topic with this many partitions.
    pub fn start(partitions: i32) -> Cluster {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic(TOPIC, partitions, 1).unwrap();
        Cluster { mock, partitions }
    }

    /// The address of the topic, with these options.
    pub fn topic(&self, options: &str) -> String {
        format!("kafka://{}/{TOPIC}{options}", self.mock.bootstrap_servers())
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.mock.bootstrap_servers())
            .set("group.id", "looks-on");
        config
    }

    /// Writes these values, each into the partition of its number, as another program would.
    pub fn write(&self, values: impl IntoIterator<Item = (usize, Vec<u8>)>) {
        let producer: BaseProducer = self.config().set("linger.ms", "1").create().unwrap();
        for (number, value) in values {
            let partition = i32::try_from(number).unwrap() % self.partitions;
            let record = BaseRecord::<(), _>::to(TOPIC)
                .partition(partition)
                .payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(LIMIT).unwrap();
    }

    /// Writes alerts with these numbers.
    pub fn add(&self, numbers: std::ops::Range<usize>) {
        self.write(numbers.map(|number| (number, super::line(number).into_bytes())));
    }

    /// All messages, partition by partition.
    pub fn written(&self) -> Vec<Written> {
        let consumer: BaseConsumer = self.config().create().unwrap();
        let mut list = TopicPartitionList::new();
        let mut left = 0;
        for partition in 0..self.partitions {
            let (low, high) = consumer.fetch_watermarks(TOPIC, partition, LIMIT).unwrap();
            left += high - low;
            let at = Offset::Offset(low);
            list.add_partition_offset(TOPIC, partition, at).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut all, begin) = (Vec::new(), Instant::now());
        while (all.len() as i64) < left {
            assert!(begin.elapsed() < LIMIT, "{left} messages do not come");
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                all.push(Written::of(&message.unwrap()));
            }
        }
        all.sort_by_key(|it| it.partition);
        all
    }

    /// How many messages the group has not read, by what it has committed.
    pub fn unread(&self, group: &str) -> i64 {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(TOPIC, 0, self.partitions - 1);
        let committed = consumer.committed_offsets(list, LIMIT).unwrap();
        let mut unread = 0;
        for it in committed.elements() {
            let (low, high) = consumer
                .fetch_watermarks(TOPIC, it.partition(), LIMIT)
                .unwrap();
            unread += match it.offset() {
                Offset::Offset(offset) => high - offset,
                _ => high - low,
            };
        }
        unread
    }
}

impl Written {
    fn of(message: &BorrowedMessage<'_>) -> Written {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = message.headers().map(|headers| {
            let header = |it: rdkafka::message::Header<'_, &[u8]>| {
                (it.key.to_owned(), text(it.value.unwrap()))
            };
            headers.iter().map(header).collect()
        });
        Written {
            partition: message.partition(),
            key: message.key().map(text),
            value: message.payload().unwrap().to_vec(),
            headers: headers.unwrap_or_default(),
        }
    }
}
