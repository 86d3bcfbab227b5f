#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/table/source.hpp>

#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = CleaningStep::Kind;

// With and without a limit of the memory: tables are then changed in other ways.
class Cleaning : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    SLIPWAY_VALUE(Database database, Database::open(2, GetParam()));
    database_.emplace(std::move(database));
  }
  CleaningCount clean(const std::string& query, CleaningStep step) {
    SLIPWAY_EXPECT_OK(database_->create("t", query));
    const auto counts = database_->clean("t", {std::move(step)}, "gone");
    EXPECT_TRUE(counts.ok()) << counts.error().message();
    return counts.ok() ? counts->at(0) : CleaningCount{};
  }
  std::vector<std::string> rows(std::string_view query = "t") {
    const auto table = database_->fetch(query);
    EXPECT_TRUE(table.ok()) << table.error().message();
    std::vector<std::string> lines;
    if (!table.ok()) return lines;
    for (std::size_t i = 0; i < table->rows(); ++i) {
      lines.emplace_back();
      for (std::size_t j = 0; j < table->columns(); ++j)
        lines.back() += (j > 0 ? "|" : "") + table->column(j).cell_text(i);
    }
    return lines;
  }
  std::optional<Database> database_;
};

TEST_P(Cleaning, StepsAreCountedWithExamplesAndTheDroppedRowsStay) {
  SLIPWAY_EXPECT_OK(database_->create(
      "t", "SELECT * FROM (VALUES (1, 5.0, 'a'), (2, -1, 'b'), (3, 99, NULL), (4, 7, 'B ')) v(id, x, s)"));
  SLIPWAY_VALUE(const auto counts,
                database_->clean("t",
                                 {{.kind = Kind::clip, .columns = {"x"}, .minimum = 0, .maximum = 50},
                                  {.kind = Kind::drop, .expression = "x = 0"},
                                  {.kind = Kind::drop_missing, .columns = {"s"}},
                                  {.kind = Kind::normalise, .columns = {"s"}, .letters = "lower"}},
                                 "gone"));
  EXPECT_EQ(counts[0].rows_changed, 2);
  EXPECT_EQ(counts[0].examples.at(0).row, 2);
  EXPECT_EQ(counts[0].examples.at(0).what, "x: -1.0 -> 0.0");
  EXPECT_EQ(counts[1].rows_out, 3);
  EXPECT_EQ(counts[1].examples.at(0).what, "id=2, x=0.0, s=b");
  EXPECT_EQ(counts[2].examples.at(0).row, 3);
  EXPECT_EQ(counts[3].rows_changed, 1);
  EXPECT_THAT(rows(), ElementsAre("1|5|a", "4|7|b"));
  // As they were before the first step.
  EXPECT_THAT(rows("gone"), ElementsAre("2|-1|b", "3|99|"));
}

TEST_P(Cleaning, DroppedRowsOfDropsAloneStayInOrder) {
  const auto count =
      clean("SELECT i, i % 3 AS k FROM range(7) r(i)", {.kind = Kind::drop_duplicates, .columns = {"k"}});
  EXPECT_EQ(count.rows_out, 3);
  EXPECT_THAT(rows(), ElementsAre("0|0", "1|1", "2|2"));
  EXPECT_THAT(rows("gone"), ElementsAre("3|0", "4|1", "5|2", "6|0"));
}

TEST_P(Cleaning, FindsOutliersAsTheTextbooksDo) {
  // Quartiles 2.25 and 6.75 and so fences -4.5 and 13.5; mean 12.6, standard deviation 29.6; median 4.5, MAD 2.5.
  const std::string query =
      "SELECT x::DOUBLE AS x FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (14)) v(x)";
  EXPECT_EQ(clean(query, {.kind = Kind::outliers, .columns = {"x"}, .method = "iqr", .action = "drop"}).rows_out, 9);
  EXPECT_EQ(clean(query, {.kind = Kind::outliers, .columns = {"x"}, .method = "z", .threshold = 2, .action = "drop"})
                .rows_out,
            9);
  EXPECT_EQ(clean(query, {.kind = Kind::outliers, .columns = {"x"}, .method = "z", .action = "drop"}).rows_out, 10);
  EXPECT_EQ(clean(query, {.kind = Kind::outliers, .columns = {"x"}, .method = "mad", .threshold = 2, .action = "drop"})
                .rows_out,
            9);
  EXPECT_EQ(clean(query, {.kind = Kind::outliers, .columns = {"x"}, .method = "iqr", .action = "clip"}).rows_changed,
            1);
  EXPECT_EQ(rows("SELECT max(x) FROM t").at(0), "13.5");
  EXPECT_EQ(clean(query, {.kind = Kind::outliers, .columns = {"x"}, .method = "iqr", .action = "flag"}).rows_out, 10);
  EXPECT_THAT(rows("SELECT x FROM t WHERE x_outlier = 1"), ElementsAre("14"));
  clean("SELECT NULL::DOUBLE AS x", {.kind = Kind::outliers, .columns = {"x"}, .method = "z", .action = "drop"});
  EXPECT_EQ(rows().size(), 1u);
}

TEST_P(Cleaning, NearDuplicatesAreTheSameButForAWhile) {
  const std::string query =
      "SELECT * FROM (VALUES (1, 'Shop  A', 9.991, TIMESTAMP '2026-01-01 10:00:00'), (2, 'shop a', 9.99, TIMESTAMP "
      "'2026-01-01 "
      "10:00:40'), (3, 'shop a', 9.99, TIMESTAMP '2026-01-01 10:03:00'), (4, 'b', 9.99, TIMESTAMP '2026-01-01 "
      "10:00:01'), "
      "(5, NULL, 9.99, TIMESTAMP '2026-01-01 10:00:02'), (6, NULL, 9.99, TIMESTAMP '2026-01-01 10:00:03')) v(id, s, x, "
      "t)";
  EXPECT_EQ(
      clean(query, {.kind = Kind::drop_near_duplicates, .columns = {"s", "x"}, .time = "t", .seconds = 60}).rows_out,
      5);
  EXPECT_THAT(rows("SELECT id FROM gone"), ElementsAre("2"));
  clean(query, {.kind = Kind::drop_near_duplicates, .columns = {"s", "x"}});
  EXPECT_THAT(rows("SELECT id FROM gone"), ElementsAre("2", "3"));
}

TEST_P(Cleaning, RepairsTypesUnitsTextAndCategories) {
  auto count = clean("SELECT * FROM (VALUES ('1.5'), (' 2 '), ('n.a.'), (NULL)) v(x)",
                     {.kind = Kind::convert, .columns = {"x"}, .value = "number"});
  EXPECT_EQ(count.rows_changed, 1);
  EXPECT_EQ(count.examples.at(0).what, "x: n.a. -> missing");
  EXPECT_THAT(rows(), ElementsAre("1.5", "2", "", ""));
  clean("SELECT '31.12.2025' AS d", {.kind = Kind::convert, .columns = {"d"}, .value = "time %d.%m.%Y"});
  EXPECT_THAT(rows(), ElementsAre("2025-12-31T00:00:00Z"));
  clean("SELECT * FROM (VALUES (150, 'cent'), (3, 'euro')) v(amount, unit)",
        {.kind = Kind::scale, .columns = {"amount"}, .expression = "unit = 'cent'", .factor = 0.01});
  EXPECT_THAT(rows(), ElementsAre("1.5|cent", "3|euro"));
  clean("SELECT * FROM (VALUES (E' New\\t York '), ('CAFE\u0301'), ('  ')) v(s)",
        {.kind = Kind::normalise, .columns = {"s"}, .letters = "lower", .strip_accents = true});
  EXPECT_THAT(rows(), ElementsAre("new york", "cafe", ""));
  clean("SELECT CASE WHEN i < 5 THEN 'a' WHEN i < 7 THEN 'b' WHEN i = 7 THEN 'c' END AS s FROM range(9) r(i)",
        {.kind = Kind::merge_categories, .columns = {"s"}, .value = "rare", .minimum_count = 2});
  EXPECT_THAT(rows("SELECT s, count(*) FROM t GROUP BY s ORDER BY s NULLS LAST"),
              ElementsAre("a|5", "b|2", "rare|1", "|1"));
  clean("SELECT * FROM (VALUES (NULL, 1.0), ('x', NULL)) v(s, n)",
        {.kind = Kind::fill_missing, .columns = {"s"}, .value = "none"});
  EXPECT_THAT(rows(), ElementsAre("none|1", "x|"));
}

TEST_P(Cleaning, FailsWithTheStepAndLeavesTheTable) {
  const std::string query = "SELECT 1 AS n, 'a' AS s";
  SLIPWAY_EXPECT_OK(database_->create("t", query));
  const auto error = [&](CleaningStep step) {
    const auto counts =
        database_->clean("t", {{.kind = Kind::scale, .columns = {"n"}, .factor = 2}, std::move(step)}, "gone");
    return counts.ok() ? std::string("no error") : counts.error().message();
  };
  EXPECT_THAT(error({.kind = Kind::outliers, .columns = {"s"}, .method = "z", .action = "drop"}),
              HasSubstr("expected numbers"));
  EXPECT_THAT(error({.kind = Kind::outliers, .columns = {"n"}, .method = "zz", .action = "drop"}),
              HasSubstr("did you mean 'z'"));
  EXPECT_THAT(error({.kind = Kind::normalise, .columns = {"n"}}), HasSubstr("normalise: n: "));
  EXPECT_THAT(error({.kind = Kind::drop_near_duplicates, .columns = {"n"}, .time = "s", .seconds = 1}),
              HasSubstr("expected times"));
  EXPECT_THAT(error({.kind = Kind::fill_missing, .columns = {"m"}, .value = "1"}), HasSubstr("there is no column 'm'"));
  EXPECT_THAT(rows(), ElementsAre("1|a"));
}

TEST_P(Cleaning, RepeatedKeysOfManyRowsLeaveTheirFirst) {
  // Each key twice or three times, missing ones never repeated.
  const CleaningCount count = clean(
      "SELECT i AS id, CASE WHEN i % 1000 = 7 THEN NULL ELSE (i * 7919) % 100000 END AS key, i % 2 = 0 AS even "
      "FROM range(250000) r(i)",
      {.kind = Kind::drop_duplicates, .columns = {"key"}});
  EXPECT_EQ(count.rows_in, 250000);
  EXPECT_EQ(count.rows_out, 100000 + 150);
  EXPECT_THAT(rows("SELECT count(*) AS n, min(id) AS first, max(id) AS last FROM gone"),
              ElementsAre("149850|100000|249999"));
  // in their order
  EXPECT_THAT(
      rows("SELECT count(*) AS n FROM (SELECT id - lag(id) OVER (ORDER BY rowid) AS step FROM t) WHERE step <= 0"),
      ElementsAre("0"));
}

INSTANTIATE_TEST_SUITE_P(Memory, Cleaning, ::testing::Values("", "80MB"),
                         [](const auto& test) { return std::string(*test.param == '\0' ? "Unlimited" : "Limited"); });

}  // namespace
}  // namespace slipway::table
