#include <algorithm>
#include <cmath>
#include <optional>

#include <slipway/base/text.hpp>
#include <slipway/table/sample.hpp>

#include "external_sorter.hpp"
#include "sample_population.hpp"

namespace slipway::table {
namespace {

constexpr std::int32_t day = 86'400;
constexpr std::int32_t days = 30;
constexpr std::int64_t first_second = 1'767'225'600;  // 2026-01-01T00:00:00Z
constexpr std::int64_t rows_per_card = 8;
constexpr double fraud_share = 0.005;
constexpr double unnoticed_share = 0.03;    // of the frauds: labelled 0
constexpr double misreported_share = 0.03;  // of the labels 1: no fraud at all
constexpr double duplicate_share = 0.003;
constexpr double near_duplicate_share = 0.002;

constexpr std::uint8_t unknown = 255;  // of a state, channel, type or category

struct Event {
  std::int32_t second = 0;  // after the first day's midnight; negative in the day before, which only counts
  std::int32_t card = 0;
  std::uint32_t number = 0;  // in the order in which they were made
  float amount = 0;
  std::int32_t recent = 0;  // num_transactions
  std::int16_t merchant = 0;
  std::uint8_t state = 0;
  std::uint8_t channel = pos;
  std::uint8_t type = credit;
  std::uint8_t category = 0;
  std::uint8_t fraud = 0;
};

using EventSorter = ExternalSorter<Event, std::uint64_t (*)(const Event&)>;

// Events that a sorter holds in memory: some 110 MB.
constexpr std::size_t held_events = std::size_t{1} << 22;

// Rows of the table.
class Block {
 public:
  std::size_t rows() const { return id_.values.size(); }

  void add(const Event& event, std::int64_t id) {
    const auto code = [](std::uint8_t value) { return value == unknown ? std::int32_t{-1} : std::int32_t{value}; };
    id_.values.push_back(id);
    time_.values.push_back((first_second + event.second) * 1'000'000);
    card_.values.push_back(card_number(event.card));
    amount_.values.push_back(event.amount);
    recent_.values.push_back(event.recent);
    state_.codes.push_back(code(event.state));
    channel_.codes.push_back(code(event.channel));
    type_.codes.push_back(code(event.type));
    category_.codes.push_back(code(event.category));
    merchant_.values.push_back(merchant_number(event.merchant));
    fraud_.values.push_back(event.fraud);
  }

  Table take() {
    std::vector<Column> columns;
    columns.push_back({"transaction_id", std::move(id_)});
    columns.push_back({"timestamp", std::move(time_)});
    columns.push_back({"card_id", std::move(card_)});
    columns.push_back({"amount", std::move(amount_)});
    columns.push_back({"num_transactions", std::move(recent_)});
    columns.push_back({"state", std::move(state_)});
    columns.push_back({"channel", std::move(channel_)});
    columns.push_back({"card_type", std::move(type_)});
    columns.push_back({"merchant_category", std::move(category_)});
    columns.push_back({"merchant_id", std::move(merchant_)});
    columns.push_back({"is_fraud", std::move(fraud_)});
    return Table::make(std::move(columns)).value();
  }

 private:
  IntegerColumn id_, card_, recent_, merchant_, fraud_;
  TimeColumn time_;
  NumberColumn amount_;
  TextColumn state_{{}, state_names()}, channel_{{}, channel_names()}, type_{{}, card_type_names()},
      category_{{}, category_names()};
};

float cents(double amount) { return static_cast<float>(std::max(1.0, std::round(amount * 100)) / 100); }

class Generator {
 public:
  explicit Generator(const SampleOptions& options)
      : options_(options),
        population_(static_cast<std::int32_t>(std::max<std::int64_t>(options.rows / rows_per_card, 10))) {}

  // In blocks of as many rows, of which the last may have fewer.
  Status make(std::size_t block_rows, const std::function<Status(const Table&)>& each) {
    const std::int64_t rows = options_.rows;
    const auto share = [rows](double part) {
      return static_cast<std::int64_t>(std::llround(part * static_cast<double>(rows)));
    };
    const std::int64_t duplicates = share(duplicate_share), near_duplicates = share(near_duplicate_share);
    const std::int64_t labelled = share(fraud_share);
    const std::int64_t misreported =
        static_cast<std::int64_t>(std::llround(misreported_share * static_cast<double>(labelled)));
    const std::int64_t noticed = labelled - misreported;
    const std::int64_t frauds =
        static_cast<std::int64_t>(std::llround(static_cast<double>(noticed) / (1 - unnoticed_share)));
    const std::int64_t distinct = rows - duplicates;
    add_frauds(frauds);
    mislabel(frauds - noticed);
    EventSorter by_card(&card_key, held_events), by_time(&time_key, held_events);
    for (Event& event : frauds_) SLIPWAY_CHECK(add_to(by_card, event));
    std::vector<Event>().swap(frauds_);
    SLIPWAY_CHECK(add_ordinary(distinct - near_duplicates - frauds, misreported, by_card));
    SLIPWAY_CHECK(count_recent(by_card, near_duplicates, by_time));
    return write_rows(by_time, static_cast<std::size_t>(distinct), static_cast<std::size_t>(duplicates), block_rows,
                      each);
  }

 private:
  Random stream(std::uint64_t number) const { return Random(random_key({0x5a3b1e, options_.seed, number})); }

  std::int32_t moment(Random& random, std::int32_t first_day, std::int32_t count) const {
    const std::int32_t at_day = first_day + static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(count)));
    const std::int32_t hour = static_cast<std::int32_t>(population_.hours(random));
    return at_day * day + hour * 3600 + static_cast<std::int32_t>(random.below(3600));
  }

  void set_merchant(Event& event, Random& random) const {
    const double at = random.uniform();
    event.merchant = static_cast<std::int16_t>(event.category * merchants_per_category +
                                               static_cast<std::int32_t>(at * at * merchants_per_category));
  }

  void set_type(Event& event, Random& random) const {
    event.type = population_.card(event.card).type;
    if (event.type == debit && random.uniform() < std::min(0.15 * options_.drift, 0.6)) event.type = credit;
  }

  double usual_amount(const Event& event, Random& random) const {
    const Category& category = category_at(event.category);
    const Card card = population_.card(event.card);
    return category.median_amount * std::exp(card.level + category.spread * random.normal());
  }

  // About exp(level) times what is usual.
  double unusual_amount(const Event& event, double level, Random& random) const {
    const double usual = usual_amount(event, random);
    return usual * std::exp(level + 0.3 * random.normal());
  }

  void set_amount(Event& event, double amount) const { event.amount = cents(amount * (1 + 0.5 * options_.drift)); }

  std::uint8_t ordinary_channel(const Card& card, Random& random) const {
    const double odds = card.online_share / (1 - card.online_share) * (1 + 1.5 * options_.drift);
    if (random.uniform() < odds / (1 + odds)) return online;
    return random.uniform() < (card.type == debit ? 0.18 : 0.04) ? atm : pos;
  }

  std::uint8_t ordinary_category(std::uint8_t channel, Random& random) const {
    if (channel == atm) return cash_category;
    return static_cast<std::uint8_t>(channel == online ? population_.online_categories(random)
                                                       : population_.pos_categories(random));
  }

  // Where an ordinary transaction happens: mostly at home.
  std::uint8_t ordinary_state(const Card& card, std::uint8_t channel, Random& random) const {
    if (random.uniform() < std::min(0.25 * options_.drift, 0.75))
      return static_cast<std::uint8_t>(population_.moved_states(random));
    const double away = channel == online ? 0.02 : 0.06;
    return random.uniform() < away ? static_cast<std::uint8_t>(population_.states(random)) : card.home;
  }

  Event ordinary(std::int32_t card_index, std::int32_t second, Random& random) const {
    const Card card = population_.card(card_index);
    Event event;
    event.card = card_index;
    event.second = second;
    event.channel = ordinary_channel(card, random);
    event.category = ordinary_category(event.channel, random);
    event.state = ordinary_state(card, event.channel, random);
    set_merchant(event, random);
    set_type(event, random);
    double amount = usual_amount(event, random);
    // Now and then somebody buys a sofa: large amounts alone are no proof.
    if (random.uniform() < 0.0004) amount *= 4 + 10 * random.uniform();
    if (event.channel == atm) amount = std::max(20.0, std::round(amount / 20) * 20);
    set_amount(event, amount);
    return event;
  }

  // Ordinary business of the 30 days and of the day before them, `count` of it within the 30 days.
  Status add_ordinary(std::int64_t count, std::int64_t misreported, EventSorter& sorter) {
    Random random = stream(1);
    std::int64_t within = 0;
    const auto add = [&](Event event) -> Status {
      if (event.second >= days * day || (event.second >= 0 && within == count)) return {};
      if (event.second >= 0) event.fraud = within++ < misreported ? 1 : 0;
      return add_to(sorter, event);
    };
    while (within < count) {
      // One draw a statement: in what order a call's arguments are evaluated is the compiler's choice.
      const std::int32_t start = moment(random, -1, days + 1);
      const Event event = ordinary(population_.draw_card(random), start, random);
      SLIPWAY_CHECK(add(event));
      const double habit = random.uniform();
      if (habit < 0.04) {  // a round of the shops
        std::int32_t second = event.second;
        do {
          second += 60 + static_cast<std::int32_t>(1500 * random.exponential());
          Event next = ordinary(event.card, second, random);
          if (next.channel == event.channel) next.state = event.state;
          SLIPWAY_CHECK(add(next));
        } while (random.uniform() < 0.3);
      } else if (habit < 0.041) {  // presents, bought online in one sitting
        std::int32_t second = event.second;
        for (std::uint64_t left = 3 + random.below(5); left > 0; --left) {
          second += 30 + static_cast<std::int32_t>(400 * random.exponential());
          Event next = ordinary(event.card, second, random);
          next.channel = online;
          next.category = static_cast<std::uint8_t>(population_.online_categories(random));
          next.state = event.state;
          set_merchant(next, random);
          set_amount(next, usual_amount(next, random));
          SLIPWAY_CHECK(add(next));
        }
      }
    }
    return {};
  }

  void add_frauds(std::int64_t count) {
    Random random = stream(2);
    const std::size_t wanted = static_cast<std::size_t>(count);
    const double moved = std::min(options_.drift, 2.0);
    const double by_card = 0.55 - 0.20 * moved, by_merchant = 0.20 + 0.05 * moved;
    // By turns, so that the mix is the same in every sample.
    std::size_t of_card = 0, of_merchant = 0;
    while (frauds_.size() < wanted) {
      const double made = static_cast<double>(frauds_.size() + 1);
      const std::size_t before = frauds_.size();
      if (static_cast<double>(of_card) < by_card * made) {
        add_compromised_card(random, wanted);
        of_card += frauds_.size() - before;
      } else if (static_cast<double>(of_merchant) < by_merchant * made) {
        add_compromised_merchant(random, wanted);
        of_merchant += frauds_.size() - before;
      } else {
        add_excessive_amount(random);
      }
    }
  }

  void push_fraud(const Event& event, std::size_t wanted) {
    if (frauds_.size() < wanted) frauds_.push_back(event);
  }

  // Many quick transactions, mostly online and elsewhere, after one or two small ones to try the card.
  void add_compromised_card(Random& random, std::size_t wanted) {
    Event event;
    event.card = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(population_.card_count())));
    event.second = moment(random, 0, days);
    event.fraud = 1;
    const Card card = population_.card(event.card);
    const bool elsewhere = random.uniform() < 0.85;
    const std::uint8_t place = elsewhere ? static_cast<std::uint8_t>(population_.fraud_states(random)) : card.home;
    const std::uint64_t trials = random.below(2);
    const std::uint64_t count = 8 + random.below(15);
    for (std::uint64_t i = 0; i < count && event.second < days * day; ++i) {
      const double way = random.uniform();
      event.channel = way < 0.88 ? online : way < 0.96 ? pos : atm;
      event.category =
          event.channel == atm ? cash_category : static_cast<std::uint8_t>(population_.fraud_categories(random));
      event.state = random.uniform() < 0.4 ? place : static_cast<std::uint8_t>(population_.fraud_states(random));
      set_merchant(event, random);
      set_type(event, random);
      set_amount(event, i < trials ? 1 + 4 * random.uniform() : unusual_amount(event, 1.1, random));
      push_fraud(event, wanted);
      event.second += 20 + static_cast<std::int32_t>(240 * random.exponential());
    }
  }

  // For some days, cards used at one merchant are charged there again, for more.
  void add_compromised_merchant(Random& random, std::size_t wanted) {
    Event event;
    event.category = static_cast<std::uint8_t>(population_.fraud_categories(random));
    set_merchant(event, random);
    event.fraud = 1;
    const std::int32_t first_day = static_cast<std::int32_t>(random.below(days - 3));
    const std::uint64_t count = 4 + random.below(12);
    for (std::uint64_t i = 0; i < count; ++i) {
      event.card = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(population_.card_count())));
      const Card card = population_.card(event.card);
      event.second = moment(random, first_day, 4);
      event.channel = random.uniform() < 0.8 ? online : pos;
      event.state = random.uniform() < 0.4 ? card.home : static_cast<std::uint8_t>(population_.fraud_states(random));
      set_type(event, random);
      set_amount(event, unusual_amount(event, 2.4, random));
      push_fraud(event, wanted);
    }
  }

  // One payment of many times what the card usually spends.
  void add_excessive_amount(Random& random) {
    Event event;
    event.card = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(population_.card_count())));
    const Card card = population_.card(event.card);
    event.second = moment(random, 0, days);
    event.fraud = 1;
    event.channel = random.uniform() < 0.65 ? online : pos;
    event.category = static_cast<std::uint8_t>(population_.fraud_categories(random));
    event.state = random.uniform() < 0.4 ? card.home : static_cast<std::uint8_t>(population_.fraud_states(random));
    set_merchant(event, random);
    set_type(event, random);
    set_amount(event, 2200 * std::exp(card.level + 0.5 * random.normal()));
    frauds_.push_back(event);
  }

  // Frauds that nobody noticed.
  void mislabel(std::int64_t count) {
    Random random = stream(3);
    for (const std::size_t i : distinct_places(frauds_.size(), static_cast<std::size_t>(count), random))
      frauds_[i].fraud = 0;
  }

  Status add_to(EventSorter& sorter, Event event) {
    event.number = made_++;
    return sorter.add(event);
  }

  // `count` distinct numbers below `size`, ascending.
  static std::vector<std::uint32_t> distinct_places(std::size_t size, std::size_t count, Random& random) {
    std::vector<std::uint32_t> places;
    // Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2 S) is exact, but draws once per row; few
    // places are wanted of many, so repeats are drawn again instead.
    while (places.size() < std::min(count, size)) {
      while (places.size() < std::min(count, size)) places.push_back(static_cast<std::uint32_t>(random.below(size)));
      std::sort(places.begin(), places.end());
      places.erase(std::unique(places.begin(), places.end()), places.end());
    }
    return places;
  }

  static std::uint64_t seconds_of(const Event& event) {
    return static_cast<std::uint64_t>(std::int64_t{event.second} + day);
  }
  static std::uint64_t card_key(const Event& event) { return static_cast<std::uint64_t>(event.card); }
  static std::uint64_t time_key(const Event& event) { return (seconds_of(event) << 32) | event.number; }

  // Adds near duplicates, counts, and hands the events on, card by card.
  Status count_recent(EventSorter& by_card, std::int64_t near_duplicates, EventSorter& by_time) {
    Random random = stream(4);
    const std::uint32_t size = made_;
    const auto places = distinct_places(size, static_cast<std::size_t>(near_duplicates), random);
    std::vector<std::uint8_t> delays;
    std::vector<bool> repeated(size);
    for (const std::uint32_t place : places) {
      delays.push_back(static_cast<std::uint8_t>(2 + random.below(28)));
      repeated[place] = true;
    }
    std::vector<Event> events;  // of one card
    const auto finish_card = [&]() -> Status {
      for (std::size_t i = 0, count = events.size(); i < count; ++i) {
        if (!repeated[events[i].number]) continue;
        const auto rank = static_cast<std::uint32_t>(std::lower_bound(places.begin(), places.end(), events[i].number) -
                                                     places.begin());
        Event again = events[i];
        again.second = std::max(again.second, 0) + delays[rank];
        again.number = size + rank;
        events.push_back(again);
      }
      std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return time_key(a) < time_key(b); });
      std::size_t oldest = 0;
      for (std::size_t i = 0; i < events.size(); ++i) {
        Event& event = events[i];
        // A card makes one transaction a second at most, so that "up to this row" has one meaning.
        if (i > 0) event.second = std::max(event.second, events[i - 1].second + 1);
        while (events[oldest].second < event.second - day) ++oldest;
        event.recent = static_cast<std::int32_t>(i - oldest + 1);
        SLIPWAY_CHECK(by_time.add(event));
      }
      events.clear();
      return {};
    };
    const Status counted = by_card.drain([&](const Event& event) -> Status {
      if (!events.empty() && events[0].card != event.card) SLIPWAY_CHECK(finish_card());
      events.push_back(event);
      return {};
    });
    if (!counted.ok()) return counted;
    return finish_card();
  }

  // Places of a part of the rows, which are visited in ascending order.
  struct Places {
    std::vector<std::uint32_t> places;
    std::vector<float> values = {};  // one for each place, or none
    std::size_t next = 0;

    bool is_here(std::size_t row) {
      if (next == places.size() || places[next] != row) return false;
      ++next;
      return true;
    }
    float value() const { return values[next - 1]; }  // of the place where is_here() was last true
  };

  // What real files lack or get wrong, by row.
  struct Dirt {
    Places wrong_sign, absurd, amount, state, channel, type, category;

    void soil(Event& event, std::size_t row) {
      if (wrong_sign.is_here(row)) event.amount = wrong_sign.value() == 0 ? 0.0f : -event.amount;
      if (absurd.is_here(row)) event.amount = absurd.value();
      if (amount.is_here(row)) event.amount = std::numeric_limits<float>::quiet_NaN();
      if (state.is_here(row)) event.state = unknown;
      if (channel.is_here(row)) event.channel = unknown;
      if (type.is_here(row)) event.type = unknown;
      if (category.is_here(row)) event.category = unknown;
    }
  };

  Dirt choose_dirt(std::size_t rows) const {
    Random random = stream(5);
    const auto some = [&](double share) {
      const auto count = static_cast<std::size_t>(std::llround(share * static_cast<double>(rows)));
      return Places{distinct_places(rows, count, random)};
    };
    Dirt dirt;
    dirt.wrong_sign = some(0.003);
    for (std::size_t i = 0; i < dirt.wrong_sign.places.size(); ++i)
      dirt.wrong_sign.values.push_back(random.below(3) == 0 ? 0.0f : 1.0f);
    dirt.absurd = some(rows >= 1000 ? std::max(2e-5, 1.0 / static_cast<double>(rows)) : 0);
    for (std::size_t i = 0; i < dirt.absurd.places.size(); ++i)
      dirt.absurd.values.push_back(cents(1e6 * (1 + 9 * random.uniform())));
    dirt.amount = some(0.01);
    dirt.state = some(0.01);
    dirt.channel = some(0.005);
    dirt.type = some(0.005);
    dirt.category = some(0.01);
    return dirt;
  }

  // The last `distinct` events, some of them twice.
  Status write_rows(EventSorter& by_time, std::size_t distinct, std::size_t duplicates, std::size_t block_rows,
                    const std::function<Status(const Table&)>& each) {
    Dirt dirt = choose_dirt(distinct);
    Random random = stream(6);
    Places twice{distinct_places(distinct, duplicates, random)};
    std::int64_t surplus = by_time.size() - static_cast<std::int64_t>(distinct);
    std::size_t row = 0, left = distinct + twice.places.size();
    Block block;
    return by_time.drain([&](Event event) -> Status {
      if (surplus-- > 0) return {};
      dirt.soil(event, row);
      const int copies = twice.is_here(row) ? 2 : 1;
      ++row;
      for (int copy = 0; copy < copies; ++copy) {
        block.add(event, static_cast<std::int64_t>(row));
        if (--left > 0 && block.rows() < block_rows) continue;
        SLIPWAY_CHECK(each(block.take()));
        block = Block();
      }
      return {};
    });
  }

  SampleOptions options_;
  Population population_;
  std::vector<Event> frauds_;
  std::uint32_t made_ = 0;
};

}  // namespace

Status sample_fraud(const SampleOptions& options, std::size_t block_rows,
                    const std::function<Status(const Table&)>& each) {
  if (options.rows < 1 || options.rows > 1'000'000'000)
    return invalid_input("rows is " + std::to_string(options.rows) + ", expected 1 to 1,000,000,000");
  if (!(options.drift >= 0 && options.drift <= 10))
    return invalid_input("drift is " + format_number(options.drift) + ", expected 0 to 10");
  return Generator(options).make(std::max<std::size_t>(block_rows, 1), each);
}

Result<Table> sample_fraud(const SampleOptions& options) {
  Table rows;
  SLIPWAY_CHECK(sample_fraud(options, static_cast<std::size_t>(std::max<std::int64_t>(options.rows, 1)),
                             [&](const Table& block) -> Status {
                               rows = block;
                               return {};
                             }));
  return rows;
}

}  // namespace slipway::table
