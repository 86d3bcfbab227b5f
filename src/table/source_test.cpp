#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/file.hpp>
#include <slipway/table/source.hpp>

#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = CleaningStep::Kind;

std::vector<std::string> lines(const Table& table) {
  std::vector<std::string> rows(table.rows());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < table.columns(); ++j) rows[i] += (j > 0 ? "|" : "") + table.column(j).cell_text(i);
  return rows;
}

class Source : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Database::open(2);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    database_.emplace(std::move(opened).value());
  }
  void create(std::string_view name, std::string_view query) { SLIPWAY_EXPECT_OK(database_->create(name, query)); }
  std::vector<std::string> rows(std::string_view query) {
    const auto table = database_->fetch(query);
    EXPECT_TRUE(table.ok()) << table.error().message();
    return table.ok() ? lines(*table) : std::vector<std::string>();
  }
  std::string fetch_error(std::string_view query) {
    const auto table = database_->fetch(query);
    return table.ok() ? "no error" : table.error().message();
  }
  // Cleans table t by one step.
  CleaningCount clean(CleaningStep step) {
    const auto counts = database_->clean("t", {std::move(step)});
    EXPECT_TRUE(counts.ok()) << counts.error().message();
    return counts.ok() ? counts->at(0) : CleaningCount{};
  }
  std::string clean_error(CleaningStep step) {
    const auto counts = database_->clean("t", {std::move(step)});
    return counts.ok() ? "no error" : counts.error().message();
  }
  std::optional<Database> database_;
};

TEST_F(Source, GroupsComeInOneOrderWithOneValue) {
  const std::string query =
      "SELECT (i * 7919) % 5000 AS k, count(*), max(i), sum(i), median(i % 11), sum(0.1::DOUBLE * i) FROM "
      "range(400000) r(i) GROUP BY k";
  const std::string exact = query.substr(0, query.find(", sum(0.1")) + query.substr(query.find(" FROM"));
  for (const std::string& one :
       {query, exact, std::string("SELECT DISTINCT (i * 7919) % 5000 AS k FROM range(400000) r(i)")}) {
    SLIPWAY_VALUE(Database single, Database::open(1));
    SLIPWAY_VALUE(Database several, Database::open(4));
    SLIPWAY_VALUE(const Table first, single.fetch(one));
    SLIPWAY_VALUE(const Table second, several.fetch(one));
    EXPECT_EQ(first.rows(), 5000u);
    EXPECT_EQ(lines(first), lines(second));
  }
}

TEST_F(Source, QuotesNamesAndText) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  create("odd \"name\"", "SELECT 1 AS \"x \"\"y\"\"\"");
  EXPECT_THAT(rows("odd \"name\""), ElementsAre("1"));
  SLIPWAY_VALUE(const auto columns, database_->describe("odd \"name\""));
  ASSERT_EQ(columns.size(), 1u);
  EXPECT_EQ(columns[0].name, "x \"y\"");
  EXPECT_EQ(columns[0].sql_type, "INTEGER");
}

TEST_F(Source, FetchesEachTypeAsItsColumn) {
  SLIPWAY_VALUE(const Table table, database_->fetch(R"(
      SELECT 1.25::DECIMAL(5, 2) AS d, 1234567.5::DECIMAL(30, 1) AS wide, 7::TINYINT AS i, 8::UBIGINT AS u, true AS b,
             170::HUGEINT AS h, DATE '1970-01-02' AS day, TIMESTAMP '1969-12-31 23:59:59.5' AS t,
             'é'::VARCHAR AS s, 'x'::ENUM ('w', 'x') AS e, [1, 2] AS list, TIME '01:02:03' AS clock, 0.1::DOUBLE AS f
      UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
      ORDER BY d)"));
  std::vector<std::string> types;
  for (const Column& column : table.all()) types.emplace_back(type_name(column.data));
  EXPECT_THAT(types, ElementsAre("number", "number", "integer", "integer", "integer", "integer", "time", "time", "text",
                                 "text", "text", "text", "number"));
  EXPECT_THAT(lines(table),
              ElementsAre("1.25|1234567.5|7|8|1|170|1970-01-02T00:00:00Z|1969-12-31T23:59:59.500000Z|é|x|[1, "
                          "2]|01:02:03|0.1",
                          "||||||||||||"));
}

TEST_F(Source, WholeNumbersBeyond64BitsAreText) {
  EXPECT_THAT(rows("SELECT 18446744073709551615::UBIGINT AS a, 170141183460469231731687303715884105727::HUGEINT AS b, "
                   "(-9223372036854775807)::HUGEINT AS c"),
              ElementsAre("18446744073709551615|170141183460469231731687303715884105727|-9223372036854775807"));
}

TEST_F(Source, EncodesTextInOrderOfFirstAppearance) {
  SLIPWAY_VALUE(const Table table,
                database_->fetch("SELECT CASE WHEN i % 5 = 0 THEN NULL ELSE 'value number ' || (i * 7 % 500) END AS s "
                                 "FROM range(5000) r(i)"));
  const auto& text = std::get<TextColumn>(table.column(0).data);
  ASSERT_EQ(text.dictionary.size(), 400u);
  EXPECT_EQ(text.dictionary[0], "value number 7");
  EXPECT_EQ(text.codes[0], -1);
  for (std::size_t i = 0; i < 5000; ++i)
    ASSERT_EQ(table.column(0).cell_text(i), i % 5 == 0 ? "" : "value number " + std::to_string(i * 7 % 500));
}

TEST_F(Source, EmptyResultsKeepTheirColumns) {
  SLIPWAY_VALUE(const Table table, database_->fetch("SELECT 1 AS a, 'x' AS b WHERE false"));
  EXPECT_EQ(table.rows(), 0u);
  EXPECT_THAT(table.names(), ElementsAre("a", "b"));
}

TEST_F(Source, ExplainsWrongQueries) {
  create("transactions", "SELECT 1 AS amount, 2 AS state");
  EXPECT_THAT(fetch_error("SELECT amuont FROM transactions"),
              HasSubstr("there is no column 'amuont' (did you mean 'amount'?)"));
  EXPECT_THAT(fetch_error("SELECT * FROM transaction"),
              HasSubstr("there is no table 'transaction' (did you mean 'transactions'?)"));
  EXPECT_THAT(fetch_error("SELEC 1"), HasSubstr("syntax error at or near"));
  const auto counted = database_->count("transacions");
  ASSERT_FALSE(counted.ok());
  EXPECT_THAT(counted.error().message(), HasSubstr("did you mean 'transactions'?"));
  const auto run = database_->execute("DROP TABLE nothing");
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().message().find('\n'), std::string::npos);
}

TEST_F(Source, CreateTakesOneQueryOnly) {
  create("t", "SELECT 1 AS a");
  EXPECT_FALSE(database_->create("u", "SELECT 1; DROP TABLE t").ok());
  EXPECT_THAT(rows("t"), ElementsAre("1"));
  create("t", "SELECT a + 1 AS a FROM t;  -- the table itself, a semicolon and a comment");
  EXPECT_THAT(rows("t"), ElementsAre("2"));
  create("t", "SELECT ';--' || a || '''' AS s FROM t /* ; */ ;\n");
  EXPECT_THAT(rows("t"), ElementsAre(";--2'"));
}

TEST_F(Source, RowsDoNotDependOnTheNumberOfThreads) {
  const std::string_view queries[] = {"SELECT *, count(*) OVER (PARTITION BY k) AS n FROM t",
                                      "SELECT *, count(*) OVER (PARTITION BY k) AS n FROM t ORDER BY k",
                                      "SELECT t.i, u.k FROM t JOIN (SELECT DISTINCT k FROM t) u USING (k)",
                                      "SELECT * FROM t WHERE k IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)",
                                      "SELECT k, sum(x) AS s FROM t GROUP BY k",
                                      "SELECT * FROM t ORDER BY k LIMIT 1000",
                                      "SELECT i + 1 AS i FROM t WHERE k > 50"};
  std::vector<std::vector<std::string>> results[2];
  for (int run = 0; run < 2; ++run) {
    SLIPWAY_VALUE(Database database, Database::open(run == 0 ? 1 : 4));
    SLIPWAY_EXPECT_OK(
        database.create("t", "SELECT i, (i * 7919) % 101 AS k, 1.0 / (1 + i % 1013) AS x FROM range(150000) r(i)"));
    for (const std::string_view query : queries) {
      SLIPWAY_EXPECT_OK(database.create("result", query));
      SLIPWAY_VALUE(const Table table, database.fetch("result"));
      results[run].push_back(lines(table));
      SLIPWAY_VALUE(const Table direct, database.fetch(query));
      EXPECT_EQ(lines(direct), results[run].back()) << query;
    }
  }
  for (std::size_t i = 0; i < std::size(queries); ++i) EXPECT_TRUE(results[0][i] == results[1][i]) << queries[i];
}

TEST_F(Source, DropMissingTakesNullBlankAndNan) {
  create("t",
         "SELECT * FROM (VALUES (1, 1.0::DOUBLE, 'a'), (2, NULL, 'b'), (3, 'nan'::DOUBLE, 'c'), (4, 1.0, ' '), (5, "
         "2.0, NULL), "
         "(6, 3.0, 'd')) v(i, x, s)");
  const CleaningCount by_number = clean({Kind::drop_missing, {"x"}, ""});
  EXPECT_EQ(by_number.step, "drop_missing: x");
  EXPECT_EQ(by_number.rows_in, 6);
  EXPECT_EQ(by_number.rows_out, 4);
  EXPECT_THAT(rows("SELECT i FROM t"), ElementsAre("1", "4", "5", "6"));
  const CleaningCount by_any = clean({Kind::drop_missing, {}, ""});
  EXPECT_EQ(by_any.rows_out, 2);
  EXPECT_THAT(rows("SELECT i FROM t"), ElementsAre("1", "6"));
  EXPECT_THAT(clean_error({Kind::drop_missing, {"y", "x"}, ""}),
              HasSubstr("drop_missing: y, x: there is no column 'y'"));
}

TEST_F(Source, KeepAndDropDifferOnNull) {
  create("t", "SELECT * FROM (VALUES (1, 5), (2, -5), (3, NULL)) v(i, x)");
  EXPECT_EQ(clean({Kind::drop, {}, "x < 0 -- refunds"}).rows_out, 2);
  EXPECT_THAT(rows("SELECT i FROM t"), ElementsAre("1", "3"));
  EXPECT_EQ(clean({Kind::keep, {}, "x > 0"}).rows_out, 1);
  EXPECT_THAT(rows("SELECT i FROM t"), ElementsAre("1"));
}

TEST_F(Source, ExplainsWrongConditionsAndChangesNothing) {
  create("t", "SELECT i, i AS amount FROM range(4) r(i)");
  EXPECT_THAT(clean_error({Kind::keep, {}, "amout > 0"}),
              HasSubstr("keep: amout > 0: there is no column 'amout' (did you mean 'amount'?)"));
  EXPECT_THAT(clean_error({Kind::keep, {}, "amount >"}), HasSubstr("syntax error"));
  EXPECT_THAT(clean_error({Kind::keep, {}, "true); DROP TABLE t; --"}), HasSubstr("syntax error"));
  EXPECT_THAT(clean_error({Kind::keep, {}, " "}), HasSubstr("the condition is empty"));
  const auto second_fails =
      database_->clean("t", {{Kind::keep, {}, "amount > 2"}, {Kind::drop, {}, "CAST('x' AS INTEGER) = amount"}});
  EXPECT_FALSE(second_fails.ok());
  EXPECT_THAT(rows("SELECT i FROM t"), ElementsAre("0", "1", "2", "3"));
}

TEST_F(Source, DropDuplicatesKeepsTheFirst) {
  create(
      "t",
      "SELECT * FROM (VALUES (1, 10, 'a'), (2, 11, 'b'), (3, 10, 'c'), (4, NULL, 'd'), (5, NULL, 'd'), (6, 11, 'b')) "
      "v(row, id, s)");
  const CleaningCount by_id = clean({Kind::drop_duplicates, {"id"}, ""});
  EXPECT_EQ(by_id.step, "drop_duplicates: by id");
  EXPECT_EQ(by_id.rows_out, 4);
  EXPECT_THAT(rows("SELECT row FROM t"), ElementsAre("1", "2", "4", "5"));
  create("t", "SELECT id, s FROM t");
  EXPECT_EQ(clean({Kind::drop_duplicates, {}, ""}).rows_out, 3);
  EXPECT_THAT(rows("t"), ElementsAre("10|a", "11|b", "|d"));
}

TEST_F(Source, ClipChangesValuesAndNoRows) {
  create("t",
         "SELECT * FROM (VALUES (-3, 0.5::DOUBLE, 'a'), (4, 99.0, 'b'), (NULL, 'nan'::DOUBLE, 'c'), (9, -1.0, 'd')) "
         "v(i, x, s)");
  const CleaningCount fractional = clean({Kind::clip, {"x"}, "", 0, 10});
  EXPECT_EQ(fractional.step, "clip: x to 0 .. 10");
  EXPECT_EQ(fractional.rows_out, 4);
  EXPECT_EQ(fractional.rows_changed, 2);
  const CleaningCount whole = clean({Kind::clip, {"i"}, "", -0.5, std::numeric_limits<double>::infinity()});
  EXPECT_EQ(whole.rows_changed, 1);
  EXPECT_THAT(rows("t"), ElementsAre("0|0.5|a", "4|10|b", "||c", "9|0|d"));
  EXPECT_THAT(clean_error({Kind::clip, {"s"}, "", 0, 1}), HasSubstr("column 's' is of type VARCHAR, expected numbers"));
  EXPECT_THAT(clean_error({Kind::clip, {"x"}, "", 2, 1}), HasSubstr("the lower bound 2"));
}

TEST_F(Source, CountsEachStepInTurn) {
  create("t", "SELECT i, i % 5 AS k FROM range(10) r(i)");
  SLIPWAY_VALUE(const auto counts,
                database_->clean(
                    "t", {{Kind::keep, {}, "i >= 2"}, {Kind::drop, {}, "i = 9"}, {Kind::drop_duplicates, {"k"}, ""}}));
  ASSERT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts[1].rows_in, 8);
  EXPECT_EQ(counts[1].rows_out, 7);
  EXPECT_EQ(counts[2].rows_in, 7);
  EXPECT_THAT(rows("SELECT i FROM t"), ElementsAre("2", "3", "4", "5", "6"));
  SLIPWAY_VALUE(const auto count, database_->count("t"));
  EXPECT_EQ(count, 5);
}

TEST_F(Source, CleaningKeepsTheOrderOfManyRows) {
  create("t", "SELECT i, i % 50000 AS k, 'x' || (i % 20) AS s FROM range(300000) r(i)");
  SLIPWAY_VALUE(const auto counts,
                database_->clean("t", {{Kind::keep, {}, "s IN ('x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8')"},
                                       {Kind::drop_duplicates, {"k"}, ""}}));
  SLIPWAY_VALUE(const Table table, database_->fetch("t"));
  const auto& numbers = std::get<IntegerColumn>(table.column(0).data).values;
  EXPECT_EQ(numbers.size(), 22500u);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_LT(numbers.back(), 50000);
}

Table odd_table() {
  return Table::make({{"id,\"x\"", IntegerColumn{{1, IntegerColumn::missing, -9007199254740993}}},
                      {"größe", NumberColumn{{0.1f, std::numeric_limits<float>::quiet_NaN(), 16777216.0f}}},
                      {"text", TextColumn{{2, -1, 0}, {"say \"hi\"\nthere", "unused", "a,b"}}},
                      {"time", TimeColumn{{1'767'225'600'000'000, missing_time, 1'500'000}}}})
      .value();
}

TEST(WriteTable, WritesCsvText) {
  TemporaryFolder folder;
  SLIPWAY_EXPECT_OK(write_table(odd_table(), folder.path("new/t.csv"), 1));
  SLIPWAY_VALUE(const std::string content, read_file(folder.path("new/t.csv")));
  EXPECT_EQ(content,
            "\"id,\"\"x\"\"\",größe,text,time\n"
            "1,0.1,\"a,b\",2026-01-01T00:00:00Z\n"
            ",,,\n"
            "-9007199254740993,16777216,\"say \"\"hi\"\"\nthere\",1970-01-01T00:00:01.500000Z\n");
}

TEST(WriteTable, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  for (const char* name : {"t.csv", "t.parquet"}) {
    SLIPWAY_EXPECT_OK(write_table(odd_table(), folder.path(name), 2));
    SLIPWAY_VALUE(const Table table, read_table(folder.path(name), 2));
    EXPECT_EQ(table.names(), odd_table().names()) << name;
    EXPECT_EQ(lines(table), lines(odd_table())) << name;
    for (std::size_t j = 0; j < 4; ++j)
      EXPECT_EQ(type_name(table.column(j).data), type_name(odd_table().column(j).data)) << name;
  }
}

TEST(WriteTable, ManyRowsSurviveParquet) {
  TemporaryFolder folder;
  IntegerColumn ids;
  TextColumn texts{{}, {"short", "a text that is longer than twelve bytes"}};
  for (std::int32_t i = 0; i < 10000; ++i) {
    ids.values.push_back(i);
    texts.codes.push_back(i % 7 == 0 ? -1 : i % 2);
  }
  const Table table = Table::make({{"id", ids}, {"s", texts}}).value();
  SLIPWAY_EXPECT_OK(write_table(table, folder.path("t.parquet"), 2));
  SLIPWAY_VALUE(const Table read, read_table(folder.path("t.parquet"), 2));
  EXPECT_EQ(lines(read), lines(table));
}

TEST(WriteTable, ReplacesWholeAndLeavesNothingElse) {
  TemporaryFolder folder;
  folder.file("t.csv", "old");
  SLIPWAY_EXPECT_OK(write_table(Table::make({{"a", IntegerColumn{}}}).value(), folder.path("t.csv"), 1));
  SLIPWAY_VALUE(const std::string content, read_file(folder.path("t.csv")));
  EXPECT_EQ(content, "a\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteTable, OneMissingCellIsStillARow) {
  TemporaryFolder folder;
  SLIPWAY_EXPECT_OK(write_table(Table::make({{"s", TextColumn{{0, -1, 0}, {"x"}}}}).value(), folder.path("t.csv"), 1));
  SLIPWAY_VALUE(const Table table, read_table(folder.path("t.csv"), 1));
  EXPECT_THAT(lines(table), ElementsAre("x", "", "x"));
}

TEST(WriteTable, RefusesOtherEndings) {
  TemporaryFolder folder;
  const Status written = write_table(odd_table(), folder.path("t.xlsx"), 1);
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message(), HasSubstr("'.xlsx', expected .csv or .parquet"));
}

}  // namespace
}  // namespace slipway::table
