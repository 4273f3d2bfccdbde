package io.lorikeet.models.autodiff;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.models.autodiff.RuleExpressions.Expression;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

/// Every rule of [GradientRules] by central differences, in F32.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class GradientRulesTest {
  @TestFactory
  List<DynamicTest> rules() {
    return tests(RuleExpressions.all(), RuleCheck.Way.PLAIN);
  }

  /// The same with the products that training takes where they are as exact: all but those of
  /// frozen weights. GELU is left out too, which the CPU looks up in a table then.
  @TestFactory
  List<DynamicTest> rulesWithFastProducts() {
    Map<Class<? extends DifferentiableOp>, List<Expression>> expressions = RuleExpressions.all();
    expressions.remove(DifferentiableOp.FrozenProduct.class);
    expressions.remove(DifferentiableOp.FrozenExperts.class);
    expressions.remove(DifferentiableOp.AdaptedProduct.class);
    expressions.remove(DifferentiableOp.GeGlu.class);
    return tests(expressions, RuleCheck.Way.FAST);
  }

  /// As on a backend that lacks ggml's operations of gradients.
  @TestFactory
  List<DynamicTest> rulesPutTogether() {
    return tests(RuleExpressions.all(), RuleCheck.Way.PUT_TOGETHER);
  }

  /// As on CUDA, whose fast operation of outer products isn't the CPU's.
  @TestFactory
  List<DynamicTest> rulesWithOuterProducts() {
    return tests(RuleExpressions.all(), RuleCheck.Way.OUTER);
  }

  private static List<DynamicTest> tests(
      Map<Class<? extends DifferentiableOp>, List<Expression>> all, RuleCheck.Way way) {
    List<DynamicTest> tests = new ArrayList<>();
    all.forEach(
        (operation, expressions) -> {
          for (int i = 0; i < expressions.size(); i++) {
            Expression expression = expressions.get(i);
            long seed = 100 + i;
            tests.add(
                DynamicTest.dynamicTest(
                    operation.getSimpleName() + ", seed " + seed,
                    () -> {
                      try (RuleCheck check = RuleCheck.onCpu(seed, way)) {
                        check.check(expression.apply(check));
                      }
                    }));
          }
        });
    return tests;
  }

  @Test
  void noOperationIsLeftOut() {
    assertEquals(
        Set.of(DifferentiableOp.class.getPermittedSubclasses()), RuleExpressions.all().keySet());
  }
}
