package schemas

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// An explainer turns what the validator found into violations. It takes from the
// validator only where something failed, and says what from the schema itself: the
// validator's own texts quote values.
type explainer struct {
	part part
	doc  any
}

func (e explainer) explain(broken *jsonschema.ValidationError) []Violation {
	rule := e.rule(broken)
	if rule.offersForms() {
		return e.explainForms(rule, broken.Causes)
	}
	if len(broken.Causes) == 0 || rule.keyword == "minContains" || rule.keyword == "contains" {
		return e.explainRule(rule)
	}
	var found []Violation
	for _, cause := range broken.Causes {
		found = append(found, e.explain(cause)...)
	}
	return found
}

// A rule is the place in a schema that a document broke, and the place in the
// document that broke it.
type rule struct {
	keyword  string         // the last token of the place in the schema
	limit    any            // what the schema says there
	holder   map[string]any // the schema that says so; nil if it cannot be found
	trigger  string         // of dependentRequired: the field that makes another required
	ofName   bool           // the name of the field is at fault, not its value
	pointer  string         // RFC 6901
	value    any            // at pointer; of no use when absent
	hasValue bool
}

func (e explainer) rule(broken *jsonschema.ValidationError) rule {
	where := tokens(broken.InstanceLocation)
	r := rule{pointer: pointerTo(where), ofName: judgesName(tokens(broken.KeywordLocation))}
	r.value, r.hasValue = lookUp(e.doc, where)
	if r.ofName && len(where) > 0 {
		r.value, r.hasValue = where[len(where)-1], true
	}
	location, fragment, _ := strings.Cut(broken.AbsoluteKeywordLocation, "#")
	path := tokens(fragment)
	schema := e.part.document(location)
	r.limit, _ = lookUp(schema, path)
	if n := len(path); n > 0 {
		r.keyword = path[n-1]
		holder, _ := lookUp(schema, path[:n-1])
		r.holder, _ = holder.(map[string]any)
		if n > 2 && (path[n-3] == "dependentRequired" || path[n-3] == "dependencies") {
			r.keyword, r.trigger = "dependentRequired", path[n-2]
			holder, _ = lookUp(schema, path[:n-3])
			r.holder, _ = holder.(map[string]any)
		}
	}
	if r.keyword == "minContains" && r.limit == nil {
		r.keyword = "contains" // which asks for at least one
	}
	if r.limit == false && r.keyword != "additionalProperties" && r.keyword != "unevaluatedProperties" {
		r.keyword = "false"
	}
	return r
}

// offersForms reports whether r is anyOf or oneOf itself, rather than a field that
// happens to be called that.
func (r rule) offersForms() bool {
	_, list := r.limit.([]any)
	return list && (r.keyword == "anyOf" || r.keyword == "oneOf")
}

// explainRule gives one violation for each field at fault.
func (e explainer) explainRule(r rule) []Violation {
	object, _ := r.value.(map[string]any)
	switch {
	case r.keyword == "required" && object != nil:
		return r.eachMissing(object)
	case r.keyword == "additionalProperties" && object != nil && r.holder != nil:
		return r.eachUnexpected(object)
	case r.keyword == "unevaluatedProperties":
		return []Violation{r.violation(r.pointer, unexpected)}
	case r.keyword == "dependentRequired":
		field, _ := r.limit.(string)
		return []Violation{r.violation(child(r.pointer, field), "is required where "+r.trigger+" is given")}
	case r.ofName:
		v := r.violation(r.pointer, "has a name that "+r.message())
		v.Keyword = "propertyNames"
		return []Violation{v}
	}
	return []Violation{r.violation(r.pointer, r.message())}
}

func (r rule) violation(pointer, message string) Violation {
	v := Violation{Pointer: pointer, Keyword: r.keyword, Message: message}
	if reason, _ := r.holder["x-reason"].(string); slices.Contains(Reasons(), reason) {
		v.reason = reason
	}
	return v
}

func (r rule) eachMissing(object map[string]any) []Violation {
	names, _ := r.limit.([]any)
	var found []Violation
	for _, name := range names {
		if name, ok := name.(string); ok {
			if _, given := object[name]; !given {
				found = append(found, r.violation(child(r.pointer, name), "is required"))
			}
		}
	}
	return found
}

const unexpected = "is not a field that is known here"

func (r rule) eachUnexpected(object map[string]any) []Violation {
	known, _ := r.holder["properties"].(map[string]any)
	patterns, _ := r.holder["patternProperties"].(map[string]any)
	var found []Violation
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, ok := known[name]; ok || matchesAny(name, patterns) {
			continue
		}
		message := unexpected
		if close := closest(name, known); close != "" {
			message += "; did you mean " + close + "?"
		}
		found = append(found, r.violation(child(r.pointer, name), message))
	}
	return found
}

// explainForms explains why none of several forms fits. Where one form is plainly
// the one that was meant, only its violations are told.
func (e explainer) explainForms(r rule, branches []*jsonschema.ValidationError) []Violation {
	if len(branches) == 0 { // oneOf, and more than one fits
		return []Violation{r.violation(r.pointer, "must fit only one of the forms that are allowed, and fits several")}
	}
	var forms [][]Violation
	for _, b := range branches {
		forms = append(forms, e.explain(b))
	}
	if v, ok := missingOneOf(forms); ok {
		return []Violation{v}
	}
	if v, ok := r.noneOfTheTypes(forms); ok {
		return []Violation{v}
	}
	for _, isOther := range []func([]Violation) bool{r.hasOtherType, r.hasOtherValue} {
		forms = slices.DeleteFunc(forms, isOther)
		if len(forms) == 1 {
			return forms[0]
		}
	}
	return []Violation{r.violation(r.pointer, "must "+r.expected("take one of the forms that are allowed"))}
}

// hasOtherType reports whether found says that another type of value was meant.
func (r rule) hasOtherType(found []Violation) bool {
	return slices.ContainsFunc(found, func(v Violation) bool {
		return v.Keyword == "type" && v.Pointer == r.pointer
	})
}

// hasOtherValue reports whether found says that another value was meant, or another
// value of a field that tells forms apart.
func (r rule) hasOtherValue(found []Violation) bool {
	return slices.ContainsFunc(found, func(v Violation) bool {
		parent := v.Pointer[:max(strings.LastIndexByte(v.Pointer, '/'), 0)]
		return (v.Keyword == "const" || v.Keyword == "enum") && (v.Pointer == r.pointer || parent == r.pointer)
	})
}

// noneOfTheTypes recognises forms that all fail by their type, such as text or null.
func (r rule) noneOfTheTypes(forms [][]Violation) (Violation, bool) {
	var types []string
	for _, found := range forms {
		if len(found) != 1 || !r.hasOtherType(found) {
			return Violation{}, false
		}
		types = append(types, strings.TrimPrefix(found[0].Message, "must be "))
	}
	v := forms[0][0]
	v.Message = "must be " + strings.Join(types, " or ")
	return v, true
}

// missingOneOf recognises forms that differ only in which field must be there.
func missingOneOf(forms [][]Violation) (Violation, bool) {
	var others []string
	for _, found := range forms {
		if len(found) != 1 || found[0].Keyword != "required" {
			return Violation{}, false
		}
		others = append(others, found[0].Pointer)
	}
	v := forms[0][0]
	v.Message = "is required, or " + strings.Join(others[1:], " or ") + " instead"
	return v, len(others) > 1
}

// judgesName reports whether the last schema on path judges a field's name.
func judgesName(path []string) bool {
	of := false
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case "properties", "patternProperties", "dependentSchemas", "dependencies", "allOf", "anyOf", "oneOf", "prefixItems":
			i++ // the next token is a name or an index
		case "propertyNames":
			of = true
		}
	}
	return of
}

// tokens splits the validator's locations: JSON Pointers whose tokens are
// percent-encoded besides.
func tokens(location string) []string {
	if location == "" || location == "/" {
		return nil
	}
	list := strings.Split(strings.TrimPrefix(location, "/"), "/")
	for i, t := range list {
		if plain, err := url.PathUnescape(t); err == nil {
			t = plain
		}
		list[i] = unescape(t)
	}
	return list
}

func pointerTo(path []string) string {
	var b strings.Builder
	for _, t := range path {
		b.WriteString("/" + escape(t))
	}
	return b.String()
}

func child(pointer, name string) string { return pointer + "/" + escape(name) }

func lookUp(doc any, path []string) (value any, ok bool) {
	for _, t := range path {
		switch d := doc.(type) {
		case map[string]any:
			if doc, ok = d[t]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i < 0 || i >= len(d) {
				return nil, false
			}
			doc = d[i]
		default:
			return nil, false
		}
	}
	return doc, true
}
