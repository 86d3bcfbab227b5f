// A page as plain data, and its rendering to one self-contained HTML file: no network, no raw rows, readable on a phone
// and on paper, light and dark.
//
// What is shown can say where it comes from: a `source` such as "evaluation.json#/metrics/roc_auc" (a file and a JSON
// pointer, RFC 6901) becomes the attribute data-source of what it belongs to, so that every number can be traced.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace slipway::report {

// A piece of plain text, escaped when rendered, and where it comes from ("" = nowhere in particular).
struct Cell {
  std::string text;
  std::string source;
  Cell(std::string words, std::string from = {}) : text(std::move(words)), source(std::move(from)) {}
  Cell(const char* words) : text(words) {}
};

// A paragraph of plain text.
struct Text {
  std::string text;
  std::string source;
};

// A highlighted statement: the verdict of a section.
struct Verdict {
  enum class Level { good, attention, bad };
  Level level = Level::good;
  std::string text;
  std::string source;
};

// Numbers are recognised and aligned right.
struct Grid {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<Cell>> rows;
};

// A few large numbers with their names.
struct Figures {
  struct Figure {
    std::string name;
    Cell value;
    std::vector<Cell> detail;  // small print below, one piece after the other; may be empty
  };
  std::vector<Figure> figures;
};

// A chart: an Apache ECharts option as a JSON document. Neighbouring charts stand side by side where there is room.
struct Chart {
  std::string title;
  std::string option;       // JSON
  int height = 320;         // pixels
  std::string description;  // what the chart shows, for readers who cannot see it
  std::string source;       // of its data
};

// A slider that goes through the rows of a table and shows one of them as figures. On paper its first choice stands.
struct Slider {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<Cell>> rows;  // one or more
  std::size_t chosen = 0;               // at first
};

using Element = std::variant<Text, Verdict, Grid, Figures, Chart, Slider>;

struct Section {
  std::string title;
  std::vector<Element> elements;
};

struct Page {
  std::string title;
  std::string subtitle;
  std::vector<Section> sections;
};

// The whole HTML document.
std::string render(const Page& page);

}  // namespace slipway::report
