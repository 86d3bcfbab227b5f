#include "external_sorter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>

namespace slipway::table {
namespace {

struct Pair {
  std::uint32_t key;
  std::uint32_t number;
};

std::uint64_t key_of(const Pair& pair) { return pair.key; }

std::vector<Pair> drained(std::size_t count, std::size_t held) {
  ExternalSorter<Pair, std::uint64_t (*)(const Pair&)> sorter(&key_of, held);
  Random random(random_key({3}));
  for (std::size_t i = 0; i < count; ++i) {
    const auto key = static_cast<std::uint32_t>(random.below(count / 2 + 1));
    EXPECT_TRUE(sorter.add({key, static_cast<std::uint32_t>(i)}).ok());
  }
  EXPECT_EQ(sorter.size(), static_cast<std::int64_t>(count));
  std::vector<Pair> pairs;
  const Status done = sorter.drain([&](const Pair& pair) -> Status {
    pairs.push_back(pair);
    return {};
  });
  EXPECT_TRUE(done.ok());
  return pairs;
}

TEST(ExternalSorter, GivesEveryRecordInOrder) {
  // In memory, in one run, in many; runs longer than the block that is read at once.
  for (const auto& [count, held] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 10}, {1, 1}, {10, 10}, {11, 10}, {5000, 7}, {100000, 40000}}) {
    const std::vector<Pair> pairs = drained(count, held);
    ASSERT_EQ(pairs.size(), count);
    std::vector<bool> seen(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) {
        ASSERT_LE(pairs[i - 1].key, pairs[i].key);
      }
      ASSERT_FALSE(seen[pairs[i].number]);
      seen[pairs[i].number] = true;
    }
  }
}

TEST(ExternalSorter, StopsAtAnError) {
  ExternalSorter<Pair, std::uint64_t (*)(const Pair&)> sorter(&key_of, 2);
  for (std::uint32_t i = 0; i < 9; ++i) ASSERT_TRUE(sorter.add({i, i}).ok());
  int calls = 0;
  const Status done = sorter.drain([&](const Pair&) -> Status {
    if (++calls == 3) return invalid_input("enough");
    return {};
  });
  EXPECT_EQ(done.error().message(), "enough");
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace slipway::table
