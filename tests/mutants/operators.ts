/**
 * The changes that a mutation run makes to a source file, one at a time. A test that covers the changed code has to fail.
 *
 * Text that people read (a string or a template with a space, the arguments of an error) is left alone: a reworded message is no defect.
 */
import ts from "typescript";

export interface Mutant {
  readonly file: string;
  readonly line: number;
  /** The text of the line. */
  readonly lineText: string;
  readonly start: number;
  readonly end: number;
  /** What stands at `start` now, and what replaces it. */
  readonly original: string;
  readonly replacement: string;
  /** Instead of a change of the text: what breaks the schema of the folder's system. */
  readonly statement?: string;
}

const SWAPPED: Readonly<Partial<Record<ts.SyntaxKind, string>>> = {
  [ts.SyntaxKind.AmpersandAmpersandToken]: "||",
  [ts.SyntaxKind.BarBarToken]: "&&",
  [ts.SyntaxKind.LessThanToken]: "<=",
  [ts.SyntaxKind.LessThanEqualsToken]: "<",
  [ts.SyntaxKind.GreaterThanToken]: ">=",
  [ts.SyntaxKind.GreaterThanEqualsToken]: ">",
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: "!==",
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: "===",
  [ts.SyntaxKind.MinusToken]: "+",
  [ts.SyntaxKind.AsteriskToken]: "/",
  [ts.SyntaxKind.SlashToken]: "*",
};

const SWAPPED_METHODS: ReadonlyMap<string, string> = new Map([
  ["some", "every"],
  ["every", "some"],
  ["min", "max"],
  ["max", "min"],
  ["startsWith", "endsWith"],
]);
/** Calls that are replaced by the value they are called on. */
const DROPPED_METHODS = new Set(["filter", "sort", "toSorted", "slice", "toLowerCase", "trim", "reverse"]);

/** Every mutant of a file, in the order of the text. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const mutants: Mutant[] = [];

  const lines = text.split("\n");

  const replace = (start: number, end: number, replacement: string) => {
    const original = text.slice(start, end);
    const { line } = source.getLineAndCharacterOfPosition(start);
    if (original !== replacement) mutants.push({ file, line: line + 1, lineText: lines[line]!, start, end, original, replacement });
  };
  const replaceNode = (node: ts.Node, replacement: string) => replace(node.getStart(source), node.end, replacement);

  const visit = (node: ts.Node): void => {
    if (isUntouched(node)) return;
    mutate(node);
    ts.forEachChild(node, visit);
  };

  const mutate = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.TrueKeyword) replaceNode(node, "false");
    else if (node.kind === ts.SyntaxKind.FalseKeyword) replaceNode(node, "true");
    else if (ts.isNumericLiteral(node)) replaceNode(node, String(Number(node.text.replaceAll("_", "")) + 1));
    else if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      if (isValue(node)) replaceNode(node, '"mutant"');
    } else if (ts.isRegularExpressionLiteral(node)) mutateAnchors(node);
    else if (ts.isIfStatement(node)) for (const value of ["true", "false"]) replaceNode(node.expression, value);
    else if (ts.isConditionalExpression(node)) for (const value of ["true", "false"]) replaceNode(node.condition, value);
    else if (ts.isBinaryExpression(node)) mutateBinary(node);
    else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
      replaceNode(node, node.operand.getText(source));
    else if (ts.isArrayLiteralExpression(node)) removeElements(node, node.elements);
    else if (ts.isObjectLiteralExpression(node)) removeElements(node, node.properties);
    else if (ts.isCallExpression(node)) mutateCall(node);
    else if (ts.isExpressionStatement(node) && ts.isCallExpression(unwrapAwait(node.expression))) replaceNode(node, ";");
    else if (ts.isThrowStatement(node)) replaceNode(node, ";");
  };

  const mutateBinary = ({ left, operatorToken, right }: ts.BinaryExpression): void => {
    const swapped = SWAPPED[operatorToken.kind];
    if (swapped !== undefined) replaceNode(operatorToken, swapped);
    if (operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) replace(left.getStart(source), right.getStart(source), "");
  };

  const mutateCall = (node: ts.CallExpression): void => {
    if (!ts.isPropertyAccessExpression(node.expression)) return;
    const { name, expression, questionDotToken } = node.expression;
    const swapped = SWAPPED_METHODS.get(name.text);
    if (swapped !== undefined) replaceNode(name, swapped);
    if (DROPPED_METHODS.has(name.text) && questionDotToken === undefined) replaceNode(node, expression.getText(source));
  };

  /** The whole list where it has one element, otherwise each element with its comma. */
  const removeElements = (list: ts.Node, elements: ts.NodeArray<ts.Node>): void => {
    const brackets = ts.isArrayLiteralExpression(list) ? "[]" : "{}";
    if (elements.length === 1) replaceNode(list, brackets);
    if (elements.length < 2) return;
    elements.forEach((element, index) => {
      const next = elements[index + 1];
      const last = elements[index - 1];
      if (next) replace(element.getStart(source), next.getStart(source), "");
      else if (last) replace(last.end, element.end, "");
    });
  };

  const mutateAnchors = (node: ts.RegularExpressionLiteral): void => {
    if (node.text.startsWith("/^")) replaceNode(node, `/${node.text.slice(2)}`);
    if (/[^\\]\$\/[a-z]*$/.test(node.text)) replaceNode(node, node.text.replace(/\$(\/[a-z]*)$/, "$1"));
  };

  visit(source);
  return mutants;
}

/** Types, imports, and what becomes part of a message. */
function isUntouched(node: ts.Node): boolean {
  if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isInterfaceDeclaration(node)) return true;
  if (ts.isTemplateExpression(node) && node.getText().includes(" ")) return true;
  if (ts.isNewExpression(node) && /(?:Error|Failure)$/.test(node.expression.getText())) return true;
  // What a definition prints and nothing acts on.
  return ts.isPropertyAssignment(node) && ["deviations", "purpose", "title"].includes(node.name.getText());
}

/** A string that code compares or sends, not a sentence, an import or a name of a property. */
function isValue(node: ts.StringLiteral | ts.NoSubstitutionTemplateLiteral): boolean {
  if (node.text === "" || node.text.includes(" ")) return false;
  const { parent } = node;
  const isName = ts.isPropertyAssignment(parent) && parent.name === node;
  const isImport = ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword;
  return !isName && !isImport;
}

function unwrapAwait(expression: ts.Expression): ts.Expression {
  return ts.isAwaitExpression(expression) ? expression.expression : expression;
}
