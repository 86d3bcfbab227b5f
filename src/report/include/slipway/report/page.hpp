// A page as plain data, and its rendering to one self-contained HTML file: no network, no raw rows, readable on a phone
// and on paper, light and dark.
#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway::report {

// A paragraph of plain text; escaped when rendered.
struct Text {
  std::string text;
};

// A highlighted statement: the verdict of a section.
struct Verdict {
  enum class Level { good, attention, bad };
  Level level = Level::good;
  std::string text;
};

// Cells are plain text, escaped when rendered; numbers are recognised and aligned right.
struct Grid {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

// A few large numbers with their names.
struct Figures {
  struct Figure {
    std::string name;
    std::string value;
    std::string detail;  // small print below, may be empty
  };
  std::vector<Figure> figures;
};

// A chart: an Apache ECharts option as a JSON document.
struct Chart {
  std::string title;
  std::string option;       // JSON
  int height = 320;         // pixels
  std::string description;  // what the chart shows, for readers who cannot see it
};

using Element = std::variant<Text, Verdict, Grid, Figures, Chart>;

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
