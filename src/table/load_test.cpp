#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/table/source.hpp>

#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// Rows as "a|b|c".
std::vector<std::string> lines(const Table& table) {
  std::vector<std::string> rows(table.rows());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < table.columns(); ++j) rows[i] += (j > 0 ? "|" : "") + table.column(j).cell_text(i);
  return rows;
}

std::vector<std::string> types(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.all()) names.emplace_back(type_name(column.data));
  return names;
}

class Load : public ::testing::Test {
 protected:
  Result<Table> read(std::string_view name, std::string_view content) {
    return read_table(folder_.file(name, content), 2);
  }
  std::string error(std::string_view name, std::string_view content) {
    const auto table = read(name, content);
    return table.ok() ? "no error" : table.error().message();
  }
  // With one column pinned.
  Result<Table> read_pinned(std::string_view name, std::string_view content, ColumnInfo pinned) {
    SLIPWAY_TRY(Database database, Database::open(2));
    SLIPWAY_CHECK(database.load("t", folder_.file(name, content), {.types = {std::move(pinned)}}));
    return database.fetch("t");
  }
  TemporaryFolder folder_;
};

TEST_F(Load, InfersTheTypeOfEachColumn) {
  SLIPWAY_VALUE(const Table table, read("t.csv",
                                        "id,amount,when,ok,state,none\n"
                                        "1,2.50,2026-01-02 03:04:05,true,CA,\n"
                                        "-2,1e3,2026-01-03T00:00:00Z,FALSE,NY,\n"));
  EXPECT_THAT(table.names(), ElementsAre("id", "amount", "when", "ok", "state", "none"));
  EXPECT_THAT(types(table), ElementsAre("integer", "number", "time", "integer", "text", "number"));
  EXPECT_THAT(lines(table), ElementsAre("1|2.5|2026-01-02T03:04:05Z|1|CA|", "-2|1000|2026-01-03T00:00:00Z|0|NY|"));
}

TEST_F(Load, TakesMarkersAndBlanksForMissingAndTrims) {
  SLIPWAY_VALUE(const Table table, read("adult.csv",
                                        "age, workclass ,pay\n"
                                        "39, State-gov , 7\n"
                                        "?, ?,NA\n"
                                        " 50 ,\t,\"\"\n"
                                        "51,N/A,nan\n"));
  EXPECT_THAT(table.names(), ElementsAre("age", "workclass", "pay"));
  EXPECT_THAT(types(table), ElementsAre("integer", "text", "integer"));
  EXPECT_THAT(lines(table), ElementsAre("39|State-gov|7", "||", "50||", "51||"));
}

TEST_F(Load, UsesTheMarkersThatItIsTold) {
  SLIPWAY_VALUE(Database database, Database::open(1));
  const std::string file = folder_.file("t.csv", "a,b\n-1,NA\n5,x\n");
  SLIPWAY_EXPECT_OK(database.load("t", file, {.missing_markers = {"-1"}}));
  SLIPWAY_VALUE(const Table table, database.fetch("t"));
  EXPECT_THAT(lines(table), ElementsAre("|NA", "5|x"));
}

TEST_F(Load, ReadsQuotesUnicodeAndLineEnds) {
  SLIPWAY_VALUE(const Table table, read("t.csv",
                                        "\xef\xbb\xbf\"na,me\",\"say \"\"hi\"\"\",größe\r\n"
                                        "\"a\r\nb\",\"x \"\"y\"\"\",1\r\n"
                                        "日本,\"p,q\",2"));
  EXPECT_THAT(table.names(), ElementsAre("na,me", "say \"hi\"", "größe"));
  EXPECT_THAT(lines(table), ElementsAre("a\r\nb|x \"y\"|1", "日本|p,q|2"));
}

TEST_F(Load, FindsTheSeparator) {
  SLIPWAY_VALUE(const Table semicolons, read("a.csv", "x;y\n1;a,b\n"));
  EXPECT_THAT(lines(semicolons), ElementsAre("1|a,b"));
  SLIPWAY_VALUE(const Table tabs, read("a.tsv", "x\ty,z\n1\ta,b\n"));
  EXPECT_THAT(lines(tabs), ElementsAre("1|a,b"));
  SLIPWAY_VALUE(const Table bars, read("b.csv", "x|\"y,z,w\"\n1|a\n"));
  EXPECT_THAT(bars.names(), ElementsAre("x", "y,z,w"));
  SLIPWAY_VALUE(const Table single, read("c.csv", "x\n1\n2\n"));
  EXPECT_THAT(lines(single), ElementsAre("1", "2"));
}

TEST_F(Load, LateDecimalsMakeNumbers) {
  std::string content = "n\n";
  for (int i = 0; i < 30000; ++i) content += "2\n";
  SLIPWAY_VALUE(const Table table, read("t.csv", content + "2.5\n"));
  EXPECT_THAT(types(table), ElementsAre("number"));
  EXPECT_EQ(table.column(0).cell_text(30000), "2.5");
}

TEST_F(Load, IdentifiersOfDigitsKeepTheirDigits) {
  SLIPWAY_VALUE(const Table table, read("t.csv",
                                        "zip,long,exact,plus\n"
                                        "00123,123456789012345678901,9007199254740993,+5\n"
                                        "94110,223456789012345678901,2,6\n"));
  EXPECT_THAT(types(table), ElementsAre("text", "text", "integer", "integer"));
  EXPECT_THAT(lines(table),
              ElementsAre("00123|123456789012345678901|9007199254740993|5", "94110|223456789012345678901|2|6"));
}

TEST_F(Load, ReadsTimesOfSeveralForms) {
  SLIPWAY_VALUE(const Table table, read("t.csv",
                                        "offset,american,german,day\n"
                                        "2026-01-01 10:00:00+02:00,12/31/2025 5:30 PM,31.12.2025,2025-12-31\n"
                                        "2026-01-01T10:00:00.5-05:00,1/2/2026 12:01 AM,01.02.2026,\n"));
  EXPECT_THAT(types(table), ElementsAre("time", "time", "time", "time"));
  EXPECT_THAT(lines(table),
              ElementsAre("2026-01-01T08:00:00Z|2025-12-31T17:30:00Z|2025-12-31T00:00:00Z|2025-12-31T00:00:00Z",
                          "2026-01-01T15:00:00.500000Z|2026-01-02T00:01:00Z|2026-02-01T00:00:00Z|"));
}

TEST_F(Load, EmptyTablesHaveNoRows) {
  SLIPWAY_VALUE(const Table table, read("t.csv", "a,b\n"));
  EXPECT_EQ(table.rows(), 0u);
  EXPECT_THAT(table.names(), ElementsAre("a", "b"));
  SLIPWAY_VALUE(const Table one, read("one.csv", "a,b\n1,x"));
  EXPECT_THAT(lines(one), ElementsAre("1|x"));
  EXPECT_THAT(error("none.csv", ""), HasSubstr("none.csv is empty, expected a header line"));
}

TEST_F(Load, NamesTheCellThatIsNoNumber) {
  std::string content = "id,amount\n";
  for (int i = 0; i < 98; ++i) content += std::to_string(i) + ",\"1.5\"\n";
  EXPECT_THAT(error("tx.csv", content + "98,abc\n99,1\n"),
              EndsWith("tx.csv: line 100: column 'amount': 'abc' is not a number (99 of the column's 100 values are)"));
}

TEST_F(Load, CountsLinesThroughQuotedAndBlankOnes) {
  std::string content = "note,amount\r\n\"two\r\nlines\",1\r\n\r\n";
  for (int i = 0; i < 40; ++i) content += "x,1\r\n";
  EXPECT_THAT(error("tx.csv", content + "x,1 000\r\n"), HasSubstr("line 45: column 'amount': '1 000' is not a number"));
}

TEST_F(Load, PassesOverBlankLines) {
  SLIPWAY_VALUE(const Table table, read("t.csv", "\r\n\r\na,b\r\n\r\n1,2\r\n\r\n"));
  EXPECT_THAT(lines(table), ElementsAre("1|2"));
  // In a single column a blank line is a missing cell.
  std::string content = "\nx\n\n";
  for (int i = 0; i < 30; ++i) content += "1\n";
  EXPECT_THAT(error("one.csv", content + "y\n"), HasSubstr("one.csv: line 34: column 'x': 'y' is not a number"));
}

TEST_F(Load, ColumnsThatAreLargelyTextAreText) {
  SLIPWAY_VALUE(const Table table, read("t.csv", "ticket\n1\n2\n3\nA/5 7\n"));
  EXPECT_THAT(types(table), ElementsAre("text"));
}

TEST_F(Load, NamesTheLineOfARowThatDoesNotFit) {
  EXPECT_THAT(error("a.csv", "a,b,c\n1,2,3\n4,5\n"), EndsWith("a.csv: line 3: 2 values, expected 3 (a, b, c)"));
  EXPECT_THAT(error("b.csv", "a,b,c\n\"1\n1\",2,3\n4,5,6,7\n"),
              EndsWith("b.csv: line 4: 4 values, expected 3 (a, b, c)"));
  EXPECT_THAT(error("c.csv", "a,b\n1,2\n3,\"4\n5,6\n"),
              HasSubstr("c.csv: line 3: column 'b': a quoted value is not closed"));
  EXPECT_THAT(error("d.csv", "a,b\n1,x\n2,\xff\xfe\n"), HasSubstr("d.csv: line 3: column 'b': the text is not UTF-8"));
  EXPECT_THAT(error("e.csv", "a,b,A\n1,2,3\n"),
              HasSubstr("e.csv: line 1: the column name 'A' stands twice, at positions 1 and 3"));
}

TEST_F(Load, LeavesNoTableBehindAfterAnError) {
  SLIPWAY_VALUE(Database database, Database::open(1));
  std::string content = "a\n";
  for (int i = 0; i < 99; ++i) content += "1\n";
  ASSERT_FALSE(database.load("t", folder_.file("t.csv", content + "x\n")).ok());
  EXPECT_FALSE(database.count("t").ok());
}

TEST_F(Load, KeepsTheOrderOfTheFileOnSeveralThreads) {
  // More rows than one of DuckDB's row groups, text with markers: what is easily computed out of order.
  constexpr std::int64_t rows = 400'000;
  std::string content = "n,s\n";
  for (std::int64_t i = 0; i < rows; ++i) content += std::to_string(i) + (i % 3 == 0 ? ", ?\n" : ",ab \n");
  SLIPWAY_VALUE(const Table table, read_table(folder_.file("t.csv", content), 4));
  ASSERT_EQ(table.rows(), static_cast<std::size_t>(rows));
  const auto& numbers = std::get<IntegerColumn>(table.column(0).data).values;
  const auto& codes = std::get<TextColumn>(table.column(1).data).codes;
  for (std::int64_t i = 0; i < rows; ++i) {
    ASSERT_EQ(numbers[static_cast<std::size_t>(i)], i);
    ASSERT_EQ(codes[static_cast<std::size_t>(i)], i % 3 == 0 ? -1 : 0);
  }
}

TEST_F(Load, PinsTypes) {
  SLIPWAY_VALUE(const Table text, read_pinned("a.csv", "x,y\n1,2\n", {"x", "text"}));
  EXPECT_THAT(types(text), ElementsAre("text", "integer"));
  SLIPWAY_VALUE(const Table whole, read_pinned("b.csv", "x\n1.0\n 2 \n?\n", {"x", "integer"}));
  EXPECT_THAT(lines(whole), ElementsAre("1", "2", ""));
  SLIPWAY_VALUE(const Table number, read_pinned("c.csv", "x\n1\n", {"x", "number"}));
  EXPECT_THAT(types(number), ElementsAre("number"));
  const auto wrong = read_pinned("d.csv", "x\na\n1\nb\n", {"x", "number"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(), EndsWith("d.csv: line 2: column 'x': 'a' is not a number"));
  const auto fraction = read_pinned("e.csv", "x\n1\n2.5\n", {"x", "integer"});
  ASSERT_FALSE(fraction.ok());
  EXPECT_THAT(fraction.error().message(), EndsWith("line 3: column 'x': '2.5' is not a whole number"));
  const auto unknown = read_pinned("f.csv", "x\n1\n", {"x", "nummber"});
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message(), HasSubstr("did you mean 'number'?"));
  const auto json = read_pinned("g.json", R"([{"x": "1.5"}, {"x": "many"}])", {"x", "number"});
  ASSERT_FALSE(json.ok());
  EXPECT_THAT(json.error().message(), HasSubstr("row 2: column 'x': 'many' is not a number"));
  SLIPWAY_VALUE(const Table converted, read_pinned("h.json", R"([{"x": "1.5"}, {"x": " 2"}])", {"x", "number"}));
  EXPECT_THAT(lines(converted), ElementsAre("1.5", "2"));
}

TEST_F(Load, ReadsCompressedFiles) {
  SLIPWAY_VALUE(Database database, Database::open(1));
  const std::string file = folder_.path("t.csv.gz");
  SLIPWAY_EXPECT_OK(database.execute("COPY (SELECT i, 'a,' || i AS s FROM range(3) r(i)) TO " + quote_literal(file) +
                                     " (FORMAT csv, HEADER, COMPRESSION gzip)"));
  SLIPWAY_VALUE(const Table table, read_table(file, 1));
  EXPECT_THAT(table.names(), ElementsAre("i", "s"));
  EXPECT_THAT(lines(table), ElementsAre("0|a,0", "1|a,1", "2|a,2"));
}

TEST_F(Load, ReadsJson) {
  SLIPWAY_VALUE(const Table lines_of_json, read("t.ndjson",
                                                "{\"id\": 1, \"x\": 0.5, \"s\": \" a \", \"mixed\": 1}\n"
                                                "{\"id\": 2, \"s\": \"?\", \"mixed\": \"one\"}\n"));
  EXPECT_THAT(lines(lines_of_json), ElementsAre("1|0.5|a|1", "2|||one"));
  const std::string message = error("bad.ndjson", "{\"a\": 1}\n{\"a\": }\n");
  EXPECT_THAT(message, HasSubstr("bad.ndjson: line 2: malformed JSON"));
  EXPECT_THAT(error("bad.json", "[{\"a\": 1},\n\n{\"a\" 2}]\n"), HasSubstr("bad.json: line 3: malformed JSON"));
}

TEST_F(Load, ReadsFoldersAndGlobsInNameOrder) {
  folder_.file("b.csv", "x,y\n3,c\n");
  folder_.file("a.csv", "x,y\n1,a\n2,?\n");
  folder_.file(".hidden.csv", "z\n9\n");
  folder_.file("_SUCCESS", "");
  folder_.file("readme", "no table");
  SLIPWAY_VALUE(const Table all, read_table(folder_.path(), 1));
  EXPECT_THAT(lines(all), ElementsAre("1|a", "2|", "3|c"));
  SLIPWAY_VALUE(const Table globbed, read_table(folder_.path("[b-z]*.csv"), 1));
  EXPECT_THAT(lines(globbed), ElementsAre("3|c"));
  const auto none = read_table(folder_.path("q*.csv"), 1);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("no file matches"));
}

TEST_F(Load, FilesOfOneFolderMustAgree) {
  std::string good = "x\n", bad = "x\n";
  for (int i = 0; i < 30; ++i) good += "1\n", bad += "2\n";
  folder_.file("a.csv", good);
  folder_.file("b.csv", bad + "three\n");
  const auto cell = read_table(folder_.path(), 1);
  ASSERT_FALSE(cell.ok());
  EXPECT_THAT(cell.error().message(), HasSubstr("b.csv: line 32: column 'x': 'three' is not a number"));
  folder_.file("b.csv", "x,more\n1,2\n");
  const auto header = read_table(folder_.path(), 1);
  ASSERT_FALSE(header.ok());
  EXPECT_THAT(header.error().message(), HasSubstr("the header has 'more' at position 2, expected no more columns"));
  folder_.file("b.csv", good);
  folder_.file("c.json", "[]");
  const auto kinds = read_table(folder_.path(), 1);
  ASSERT_FALSE(kinds.ok());
  EXPECT_THAT(kinds.error().message(), HasSubstr("a.csv (CSV) and c.json (JSON)"));
}

TEST_F(Load, NamesWhatLiesNearAMissingFile) {
  folder_.file("transactions.csv", "a\n1\n");
  const auto slip = read_table(folder_.path("transaction.csv"), 1);
  ASSERT_FALSE(slip.ok());
  EXPECT_EQ(slip.error().code(), ErrorCode::not_found);
  EXPECT_THAT(slip.error().message(), HasSubstr("transaction.csv does not exist (did you mean 'transactions.csv'?)"));
  const auto far = read_table(folder_.path("x.parquet"), 1);
  ASSERT_FALSE(far.ok());
  EXPECT_THAT(far.error().message(), HasSubstr("that folder holds transactions.csv"));
  const auto lost = read_table(folder_.path("nowhere/x.csv"), 1);
  ASSERT_FALSE(lost.ok());
  EXPECT_THAT(lost.error().message(), HasSubstr("there is no folder"));
  EXPECT_FALSE(read_table("", 1).ok());
  EXPECT_FALSE(read_table("s3://bucket/x.csv", 1).ok());
}

TEST_F(Load, RefusesFilesThatAreNoTables) {
  EXPECT_THAT(error("x.bin", std::string_view("\x7f\0\1\2", 4)), HasSubstr("no kind of table"));
  EXPECT_THAT(error("x.parquet", "PAR1 but not really"), HasSubstr("x.parquet: cannot be read as Parquet"));
  SLIPWAY_VALUE(const Table data, read("adult.data", "a,b\n1,x\n"));
  EXPECT_THAT(lines(data), ElementsAre("1|x"));
}

TEST_F(Load, NanInParquetIsMissing) {
  SLIPWAY_VALUE(Database database, Database::open(1));
  const std::string file = folder_.path("t.parquet");
  SLIPWAY_EXPECT_OK(database.execute("COPY (SELECT * FROM (VALUES (1.5::DOUBLE, ' a '), ('nan'::DOUBLE, '?'))) TO " +
                                     quote_literal(file)));
  SLIPWAY_EXPECT_OK(database.load("t", file));
  SLIPWAY_VALUE(const Table present, database.fetch("SELECT * FROM t WHERE col0 > 0"));
  EXPECT_THAT(lines(present), ElementsAre("1.5|a"));
}

TEST(Digest, DependsOnContentAndNothingElse) {
  TemporaryFolder one, other;
  one.file("a.csv", "x\n1\n");
  one.file("b.csv", "x\n2\n");
  other.file("1.csv", "x\n1\n");
  other.file("2.csv", "x\n2\n");
  SLIPWAY_VALUE(const std::string first, digest_location(one.path()));
  SLIPWAY_VALUE(const std::string second, digest_location(other.path()));
  EXPECT_EQ(first, second);
  other.file("2.csv", "x\n3\n");
  SLIPWAY_VALUE(const std::string changed, digest_location(other.path()));
  EXPECT_NE(first, changed);
  // SHA-256 of "abc", FIPS 180-4's example.
  SLIPWAY_VALUE(const std::string single, digest_location(one.file("c.txt", "abc")));
  EXPECT_EQ(single, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_FALSE(digest_location(one.path("absent.csv")).ok());
}

}  // namespace
}  // namespace slipway::table
