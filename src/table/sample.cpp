#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <slipway/base/text.hpp>
#include <slipway/table/sample.hpp>

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

struct Event {
  std::int32_t second = 0;  // after the first day's midnight; negative in the day before, which only counts
  std::int32_t card = 0;
  std::int32_t merchant = 0;
  float amount = 0;
  std::int32_t recent = 0;  // num_transactions
  std::uint8_t state = 0;
  std::uint8_t channel = pos;
  std::uint8_t type = credit;
  std::uint8_t category = 0;
  std::uint8_t fraud = 0;
};

float cents(double amount) { return static_cast<float>(std::max(1.0, std::round(amount * 100)) / 100); }

class Generator {
 public:
  explicit Generator(const SampleOptions& options)
      : options_(options),
        population_(static_cast<std::size_t>(std::max<std::int64_t>(options.rows / rows_per_card, 10))) {}

  Table make() {
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
    add_ordinary(distinct - near_duplicates - frauds, misreported);
    add_near_duplicates(near_duplicates);
    count_recent();
    keep_last(static_cast<std::size_t>(distinct));
    soil();
    return to_table(places_of_duplicates(static_cast<std::size_t>(duplicates)));
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
    event.merchant =
        event.category * merchants_per_category + static_cast<std::int32_t>(at * at * merchants_per_category);
  }

  void set_type(Event& event, Random& random) const {
    event.type = population_.cards[static_cast<std::size_t>(event.card)].type;
    if (event.type == debit && random.uniform() < std::min(0.15 * options_.drift, 0.6)) event.type = credit;
  }

  double usual_amount(const Event& event, Random& random) const {
    const Category& category = category_at(event.category);
    const Card& card = population_.cards[static_cast<std::size_t>(event.card)];
    return category.median_amount * std::exp(card.level + category.spread * random.normal());
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
    const Card& card = population_.cards[static_cast<std::size_t>(card_index)];
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
  void add_ordinary(std::int64_t count, std::int64_t misreported) {
    Random random = stream(1);
    std::int64_t within = 0;
    const auto add = [&](Event event) {
      if (event.second >= days * day || (event.second >= 0 && within == count)) return;
      if (event.second >= 0) event.fraud = within++ < misreported ? 1 : 0;
      events_.push_back(event);
    };
    while (within < count) {
      const Event event = ordinary(population_.draw_card(random), moment(random, -1, days + 1), random);
      add(event);
      const double habit = random.uniform();
      if (habit < 0.04) {  // a round of the shops
        std::int32_t second = event.second;
        do {
          second += 60 + static_cast<std::int32_t>(1500 * random.exponential());
          Event next = ordinary(event.card, second, random);
          if (next.channel == event.channel) next.state = event.state;
          add(next);
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
          add(next);
        }
      }
    }
  }

  void add_frauds(std::int64_t count) {
    Random random = stream(2);
    const std::size_t wanted = static_cast<std::size_t>(count);
    const double moved = std::min(options_.drift, 2.0);
    const double by_card = 0.55 - 0.20 * moved, by_merchant = 0.20 + 0.05 * moved;
    // By turns, so that the mix is the same in every sample.
    std::size_t of_card = 0, of_merchant = 0;
    while (events_.size() < wanted) {
      const double made = static_cast<double>(events_.size() + 1);
      const std::size_t before = events_.size();
      if (static_cast<double>(of_card) < by_card * made) {
        add_compromised_card(random, wanted);
        of_card += events_.size() - before;
      } else if (static_cast<double>(of_merchant) < by_merchant * made) {
        add_compromised_merchant(random, wanted);
        of_merchant += events_.size() - before;
      } else {
        add_excessive_amount(random);
      }
    }
  }

  void push_fraud(const Event& event, std::size_t wanted) {
    if (events_.size() < wanted) events_.push_back(event);
  }

  // Many quick transactions, mostly online and elsewhere, after one or two small ones to try the card.
  void add_compromised_card(Random& random, std::size_t wanted) {
    Event event;
    event.card = static_cast<std::int32_t>(random.below(population_.cards.size()));
    event.second = moment(random, 0, days);
    event.fraud = 1;
    const Card& card = population_.cards[static_cast<std::size_t>(event.card)];
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
      const double amount =
          i < trials ? 1 + 4 * random.uniform() : usual_amount(event, random) * std::exp(1.1 + 0.3 * random.normal());
      set_amount(event, amount);
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
      event.card = static_cast<std::int32_t>(random.below(population_.cards.size()));
      const Card& card = population_.cards[static_cast<std::size_t>(event.card)];
      event.second = moment(random, first_day, 4);
      event.channel = random.uniform() < 0.8 ? online : pos;
      event.state = random.uniform() < 0.4 ? card.home : static_cast<std::uint8_t>(population_.fraud_states(random));
      set_type(event, random);
      set_amount(event, usual_amount(event, random) * std::exp(2.4 + 0.3 * random.normal()));
      push_fraud(event, wanted);
    }
  }

  // One payment of many times what the card usually spends.
  void add_excessive_amount(Random& random) {
    Event event;
    event.card = static_cast<std::int32_t>(random.below(population_.cards.size()));
    const Card& card = population_.cards[static_cast<std::size_t>(event.card)];
    event.second = moment(random, 0, days);
    event.fraud = 1;
    event.channel = random.uniform() < 0.65 ? online : pos;
    event.category = static_cast<std::uint8_t>(population_.fraud_categories(random));
    event.state = random.uniform() < 0.4 ? card.home : static_cast<std::uint8_t>(population_.fraud_states(random));
    set_merchant(event, random);
    set_type(event, random);
    set_amount(event, 2200 * std::exp(card.level + 0.5 * random.normal()));
    events_.push_back(event);
  }

  // Frauds that nobody noticed.
  void mislabel(std::int64_t count) {
    Random random = stream(3);
    for (const std::size_t i : distinct_places(events_.size(), static_cast<std::size_t>(count), random))
      events_[i].fraud = 0;
  }

  void add_near_duplicates(std::int64_t count) {
    Random random = stream(4);
    for (const std::size_t i : distinct_places(events_.size(), static_cast<std::size_t>(count), random)) {
      Event event = events_[i];
      event.second = std::max(event.second, 0) + 2 + static_cast<std::int32_t>(random.below(28));
      events_.push_back(event);
    }
  }

  // `count` distinct numbers below `size`, ascending.
  static std::vector<std::size_t> distinct_places(std::size_t size, std::size_t count, Random& random) {
    std::vector<std::size_t> places;
    // Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2 S) is exact, but draws once per row; few
    // places are wanted of many, so repeats are drawn again instead.
    while (places.size() < std::min(count, size)) {
      while (places.size() < std::min(count, size)) places.push_back(random.below(size));
      std::sort(places.begin(), places.end());
      places.erase(std::unique(places.begin(), places.end()), places.end());
    }
    return places;
  }

  std::vector<std::uint32_t> order_by(std::uint64_t (*key)(const Event&)) const {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> keyed(events_.size());
    for (std::size_t i = 0; i < events_.size(); ++i) keyed[i] = {key(events_[i]), static_cast<std::uint32_t>(i)};
    std::sort(keyed.begin(), keyed.end());
    std::vector<std::uint32_t> order(keyed.size());
    for (std::size_t i = 0; i < keyed.size(); ++i) order[i] = keyed[i].second;
    return order;
  }

  static std::uint64_t time_key(const Event& event) {
    return static_cast<std::uint64_t>(std::int64_t{event.second} + day);
  }

  void count_recent() {
    const std::vector<std::uint32_t> order =
        order_by([](const Event& event) { return (static_cast<std::uint64_t>(event.card) << 32) | time_key(event); });
    std::size_t oldest = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      Event& event = events_[order[i]];
      if (event.card != events_[order[oldest]].card) oldest = i;
      // A card makes one transaction a second at most, so that "up to this row" has one meaning.
      if (i > oldest) event.second = std::max(event.second, events_[order[i - 1]].second + 1);
      while (events_[order[oldest]].second < event.second - day) ++oldest;
      event.recent = static_cast<std::int32_t>(i - oldest + 1);
    }
  }

  void keep_last(std::size_t count) {
    const std::vector<std::uint32_t> order = order_by(time_key);
    std::vector<Event> kept;
    kept.reserve(count);
    for (std::size_t i = order.size() - std::min(count, order.size()); i < order.size(); ++i)
      kept.push_back(events_[order[i]]);
    events_.swap(kept);
  }

  void soil() {
    Random random = stream(5);
    const std::size_t rows = events_.size();
    const auto some = [&](double share) {
      return distinct_places(rows, static_cast<std::size_t>(std::llround(share * static_cast<double>(rows))), random);
    };
    for (const std::size_t i : some(0.003)) events_[i].amount = random.below(3) == 0 ? 0.0f : -events_[i].amount;
    const double absurd = rows >= 1000 ? std::max(2e-5, 1.0 / static_cast<double>(rows)) : 0;
    for (const std::size_t i : some(absurd)) events_[i].amount = cents(1e6 * (1 + 9 * random.uniform()));
    for (const std::size_t i : some(0.01)) events_[i].amount = std::numeric_limits<float>::quiet_NaN();
    for (const std::size_t i : some(0.01)) events_[i].state = unknown;
    for (const std::size_t i : some(0.005)) events_[i].channel = unknown;
    for (const std::size_t i : some(0.005)) events_[i].type = unknown;
    for (const std::size_t i : some(0.01)) events_[i].category = unknown;
  }

  std::vector<std::size_t> places_of_duplicates(std::size_t count) const {
    Random random = stream(6);
    return distinct_places(events_.size(), count, random);
  }

  Table to_table(const std::vector<std::size_t>& duplicated) const {
    IntegerColumn id, card, recent, merchant, fraud;
    TimeColumn time;
    NumberColumn amount;
    TextColumn state{{}, state_names()}, channel{{}, channel_names()}, type{{}, card_type_names()},
        category{{}, category_names()};
    const auto code = [](std::uint8_t value) { return value == unknown ? std::int32_t{-1} : std::int32_t{value}; };
    std::size_t next = 0;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const Event& event = events_[i];
      const bool twice = next < duplicated.size() && duplicated[next] == i;
      next += twice ? 1 : 0;
      for (int copy = twice ? 2 : 1; copy > 0; --copy) {
        id.values.push_back(static_cast<std::int64_t>(i) + 1);
        time.values.push_back((first_second + event.second) * 1'000'000);
        card.values.push_back(card_number(event.card));
        amount.values.push_back(event.amount);
        recent.values.push_back(event.recent);
        state.codes.push_back(code(event.state));
        channel.codes.push_back(code(event.channel));
        type.codes.push_back(code(event.type));
        category.codes.push_back(code(event.category));
        merchant.values.push_back(merchant_number(event.merchant));
        fraud.values.push_back(event.fraud);
      }
    }
    std::vector<Column> columns;
    columns.push_back({"transaction_id", std::move(id)});
    columns.push_back({"timestamp", std::move(time)});
    columns.push_back({"card_id", std::move(card)});
    columns.push_back({"amount", std::move(amount)});
    columns.push_back({"num_transactions", std::move(recent)});
    columns.push_back({"state", std::move(state)});
    columns.push_back({"channel", std::move(channel)});
    columns.push_back({"card_type", std::move(type)});
    columns.push_back({"merchant_category", std::move(category)});
    columns.push_back({"merchant_id", std::move(merchant)});
    columns.push_back({"is_fraud", std::move(fraud)});
    return Table::make(std::move(columns)).value();
  }

  static constexpr std::uint8_t unknown = 255;

  SampleOptions options_;
  Population population_;
  std::vector<Event> events_;
};

}  // namespace

Result<Table> sample_fraud(const SampleOptions& options) {
  if (options.rows < 1 || options.rows > 1'000'000'000)
    return invalid_input("rows is " + std::to_string(options.rows) + ", expected 1 to 1,000,000,000");
  if (!(options.drift >= 0 && options.drift <= 10))
    return invalid_input("drift is " + format_number(options.drift) + ", expected 0 to 10");
  return Generator(options).make();
}

}  // namespace slipway::table
