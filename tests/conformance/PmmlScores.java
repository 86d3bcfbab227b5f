// JPMML-Evaluator for the conformance tests.
//   PmmlScores validate MODEL.pmml              against the schema of PMML 4.4 and its own ModelVerification
//   PmmlScores score MODEL.pmml ROWS OUT        tab-separated: names, types, cells ("\N" is absent) -> output fields
import java.io.*;
import java.nio.file.*;
import java.util.*;
import javax.xml.XMLConstants;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.*;
import org.jpmml.evaluator.*;

public class PmmlScores {
  public static void main(String[] arguments) throws Exception {
    File model = new File(arguments[1]);
    Evaluator evaluator = new LoadingModelEvaluatorBuilder().load(model).build();
    if (arguments[0].equals("validate")) {
      Schema schema = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI)
          .newSchema(new StreamSource(PmmlScores.class.getClassLoader().getResourceAsStream("pmml.xsd")));
      schema.newValidator().validate(new StreamSource(model));
      evaluator.verify();
      return;
    }
    List<String> lines = Files.readAllLines(Path.of(arguments[2]));
    String[] names = lines.get(0).split("\t", -1), types = lines.get(1).split("\t", -1);
    List<String> outputs = new ArrayList<>();
    for (OutputField field : evaluator.getOutputFields()) outputs.add(field.getName());
    try (PrintWriter out = new PrintWriter(arguments[3], "UTF-8")) {
      out.println(String.join("\t", outputs));
      for (String line : lines.subList(2, lines.size())) {
        String[] cells = line.split("\t", -1);
        Map<String, Object> row = new HashMap<>();
        for (int i = 0; i < names.length; ++i)
          if (!cells[i].equals("\\N")) row.put(names[i], types[i].equals("float") ? (Object) Float.valueOf(cells[i]) : cells[i]);
        Map<String, Object> prepared = new HashMap<>();
        for (InputField field : evaluator.getInputFields()) prepared.put(field.getName(), field.prepare(row.get(field.getName())));
        Map<String, ?> results = EvaluatorUtil.decodeAll(evaluator.evaluate(prepared));
        List<String> values = new ArrayList<>();
        for (String output : outputs) values.add(String.valueOf(results.get(output)));
        out.println(String.join("\t", values));
      }
    }
  }
}
