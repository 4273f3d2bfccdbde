package io.lorikeet.models.text.template;

import io.lorikeet.models.text.template.Statement.AssignmentTarget;
import io.lorikeet.models.text.template.Statement.MacroParameter;
import io.lorikeet.models.text.template.Statement.NameTarget;
import io.lorikeet.models.text.template.Statement.NamespaceTarget;
import io.lorikeet.models.text.template.Statement.TupleTarget;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Carries out the statements of a template, once.
final class Interpreter {
  /// The step after a statement.
  private enum Next {
    STATEMENT,
    BREAK,
    CONTINUE
  }

  private final Budget budget;
  private final Evaluator evaluator;
  private final TextBuilder rendering;
  private final List<Rendering.Span> generations = new ArrayList<>();
  private TextBuilder out;

  Interpreter(Budget budget) {
    this.budget = budget;
    evaluator = new Evaluator(budget);
    rendering = new TextBuilder(budget);
    out = rendering;
  }

  /// Line of the template that was reached.
  int line() {
    return evaluator.line();
  }

  /// Renders a template.
  Rendering render(List<Statement> statements, Scope scope) {
    run(statements, scope);
    return new Rendering(rendering.build(), generations);
  }

  private Next run(List<Statement> statements, Scope scope) {
    budget.enter();
    for (Statement statement : statements) {
      Next next = run(statement, scope);
      if (next != Next.STATEMENT) {
        budget.leave();
        return next;
      }
    }
    budget.leave();
    return Next.STATEMENT;
  }

  private Next run(Statement statement, Scope scope) {
    budget.spend(1);
    evaluator.at(statement.line());
    switch (statement) {
      case Statement.Data data -> out.append(data.text());
      case Statement.OutputStatement output ->
          out.append(PythonValues.text(evaluator.value(output.value(), scope), budget));
      case Statement.If condition -> {
        return branch(condition, scope);
      }
      case Statement.For loop -> loop(loop, scope);
      case Statement.Break _ -> {
        return Next.BREAK;
      }
      case Statement.Continue _ -> {
        return Next.CONTINUE;
      }
      case Statement.Set set -> assign(set.target(), evaluator.value(set.value(), scope), scope);
      case Statement.SetBlock block -> {
        Object text = written(block.body(), new Scope(scope));
        Object value =
            block.filter() == null ? text : evaluator.filter(block.filter(), text, scope);
        assign(block.target(), value, scope);
      }
      case Statement.Macro macro ->
          scope.set(macro.name(), function(macro.name(), macro.parameters(), macro.body(), scope));
      case Statement.CallBlock block -> {
        Function caller = function("caller", block.parameters(), block.body(), scope);
        Object value = evaluator.call(block.call(), Map.of("caller", caller), scope);
        out.append(PythonValues.text(value, budget));
      }
      case Statement.FilterBlock block -> {
        Text text = written(block.body(), new Scope(scope));
        out.append(PythonValues.text(evaluator.filter(block.filter(), text, scope), budget));
      }
      case Statement.With with -> {
        Scope inner = new Scope(scope);
        for (int i = 0; i < with.targets().size(); i++) {
          assign(with.targets().get(i), evaluator.value(with.values().get(i), scope), inner);
        }
        return run(with.body(), inner);
      }
      case Statement.GenerationBlock generation -> {
        int start = out.length();
        Next next = run(generation.body(), new Scope(scope));
        if (out == rendering) {
          generations.add(new Rendering.Span(start, out.length()));
        }
        return next;
      }
    }
    return Next.STATEMENT;
  }

  private Next branch(Statement.If condition, Scope scope) {
    for (Statement.ConditionalBranch branch : condition.branches()) {
      if (PythonValues.truth(evaluator.value(branch.condition(), scope))) {
        return run(branch.body(), scope);
      }
    }
    return run(condition.otherwise(), scope);
  }

  /// The output of statements.
  private Text written(List<Statement> statements, Scope scope) {
    TextBuilder outside = out;
    out = new TextBuilder(budget);
    run(statements, scope);
    Text text = out.build();
    out = outside;
    return text;
  }

  private void loop(Statement.For loop, Scope scope) {
    loop(loop, evaluator.value(loop.items(), scope), 0, scope);
  }

  private void loop(Statement.For loop, Object iterable, int depth, Scope scope) {
    List<Object> items = new ArrayList<>();
    for (Object item : PythonValues.items(iterable)) {
      budget.spend(1);
      if (loop.condition() != null) {
        Scope trial = new Scope(scope);
        assign(loop.target(), item, trial);
        if (!PythonValues.truth(evaluator.value(loop.condition(), trial))) {
          continue;
        }
      }
      items.add(item);
    }
    if (items.isEmpty()) {
      run(loop.otherwise(), new Scope(scope));
      return;
    }
    Optional<Function> recursion = Optional.empty();
    if (loop.recursive()) {
      recursion =
          Optional.of(new Function("loop", arguments -> recur(loop, arguments, depth, scope)));
    }
    Loop state = new Loop(items, depth, recursion, budget);
    for (int i = 0; i < items.size(); i++) {
      state.at(i);
      Scope inner = new Scope(scope);
      inner.set("loop", state);
      assign(loop.target(), items.get(i), inner);
      if (run(loop.body(), inner) == Next.BREAK) {
        break;
      }
    }
  }

  private Text recur(Statement.For loop, Arguments arguments, int depth, Scope scope) {
    TextBuilder outside = out;
    out = new TextBuilder(budget);
    budget.enter();
    loop(loop, arguments.require(0, "iterable"), depth + 1, scope);
    budget.leave();
    Text text = out.build();
    out = outside;
    return text;
  }

  private void assign(AssignmentTarget target, Object value, Scope scope) {
    switch (target) {
      case NameTarget name -> scope.set(name.name(), value);
      case NamespaceTarget attribute -> {
        if (!(scope.get(attribute.namespace()) instanceof Namespace namespace)) {
          throw new EvaluationError("cannot assign attribute on non-namespace object");
        }
        namespace.set(attribute.attribute(), value);
      }
      case TupleTarget tuple -> {
        List<Object> items = PythonValues.unpack(value, tuple.targets().size());
        for (int i = 0; i < items.size(); i++) {
          assign(tuple.targets().get(i), items.get(i), scope);
        }
      }
    }
  }

  /// A macro, or the `caller` of a call block.
  private Function function(
      String name, List<MacroParameter> parameters, List<Statement> body, Scope scope) {
    return new Function(
        name,
        arguments -> {
          Scope inner = new Scope(scope);
          budget.enter();
          bind(name, parameters, arguments, inner);
          Text text = written(body, inner);
          budget.leave();
          return text;
        });
  }

  private void bind(
      String name, List<MacroParameter> parameters, Arguments arguments, Scope inner) {
    List<Object> positional = arguments.positional();
    Set<String> rest = new HashSet<>(arguments.named().keySet());
    for (int i = 0; i < parameters.size(); i++) {
      MacroParameter parameter = parameters.get(i);
      boolean named = rest.remove(parameter.name());
      Object value;
      if (i < positional.size()) {
        value = positional.get(i);
      } else if (named) {
        value = arguments.named().get(parameter.name());
      } else if (parameter.standard() != null) {
        value = evaluator.value(parameter.standard(), inner);
      } else {
        value = new Undefined("parameter '" + parameter.name() + "' was not provided");
      }
      inner.set(parameter.name(), value);
    }
    if (rest.remove("caller")) {
      inner.set("caller", arguments.named().get("caller"));
    }
    if (!rest.isEmpty()) {
      throw new EvaluationError(
          "macro '" + name + "' takes no keyword argument '" + rest.iterator().next() + "'");
    }
    if (positional.size() > parameters.size()) {
      throw new EvaluationError(
          "macro '" + name + "' takes not more than " + parameters.size() + " argument(s)");
    }
  }
}
