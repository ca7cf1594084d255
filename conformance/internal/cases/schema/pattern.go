package schema

import (
	"regexp/syntax"
	"strings"
)

// matching makes a text that a pattern matches, or "" for a pattern that cannot be read.
// n is a random number below its argument.
func matching(pattern string, n func(int) int) string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	write(&b, parsed.Simplify(), n)
	return b.String()
}

// maxRepeat bounds how often an unbounded repetition is taken.
const maxRepeat = 12

func write(b *strings.Builder, re *syntax.Regexp, n func(int) int) {
	times := func(from, to int) {
		for range from + n(to-from+1) {
			write(b, re.Sub[0], n)
		}
	}
	//nolint:exhaustive // what matches the empty text writes nothing
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(oneOf(re.Rune, n))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteRune('x')
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			write(b, sub, n)
		}
	case syntax.OpAlternate:
		write(b, re.Sub[n(len(re.Sub))], n)
	case syntax.OpStar:
		times(0, maxRepeat)
	case syntax.OpPlus:
		times(1, maxRepeat)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		to := re.Max
		if to < 0 {
			to = re.Min + maxRepeat
		}
		times(re.Min, to)
	}
}

// oneOf picks a character of a class, out of its first or of any of its ranges, but
// within what a range begins with: the end of one is often the end of Unicode.
func oneOf(ranges []rune, n func(int) int) rune {
	i := 2 * n(len(ranges)/2)
	from, to := ranges[i], ranges[i+1]
	return from + rune(n(int(min(to-from, 90)+1))) //nolint:gosec // below 91
}
