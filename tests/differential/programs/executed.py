"""Code made while the program runs: exec, eval, compile, with other globals, and functions it defines."""

import types

SOURCE = """
def made(n):
    return n + 1

class Made:
    def method(self, value):
        return made(value)

result = Made().method(1)
"""


def run(source, namespace):
    exec(source, namespace)
    return namespace.get("result")


def helper(n):
    return n * 2


run(SOURCE, {})
run(SOURCE, {"__name__": "elsewhere"})
run(SOURCE, {"__name__": __name__, "__file__": __file__})
run("result = helper(3)", {"helper": helper})
run(compile(SOURCE, "<template>", "exec"), {})
run(compile(SOURCE, "/somewhere/else/template.py", "exec"), {"__name__": "template"})
exec(SOURCE)
print(result)
eval("helper(4)")
eval("[helper(n) for n in range(2)]")
eval("(lambda x: x + 1)(1)", {"__builtins__": {}})
twice = eval("lambda n: helper(n) * 2")
twice(5)
namespace = {}
exec("def late(a, *, b=2):\n    raise ValueError(a, b)", namespace)
try:
    namespace["late"](1)
except ValueError as error:
    print(error)
module = types.ModuleType("made_module")
exec("def inside():\n    return __name__\ninside()", vars(module))
module.inside()
types.FunctionType(helper.__code__, {"__name__": "moved"})(6)
try:
    exec("1 +")
except SyntaxError as error:
    print(error.msg)
try:
    exec("helper('x' / 2)")
except TypeError as error:
    print(error)
