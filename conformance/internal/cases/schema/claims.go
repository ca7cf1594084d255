package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

var cellsHaveSchemas = suite.Case{
	ID: "schema/cells", Requirement: "PC-SCH-005", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Every operation has a request schema that compiles, and that of authorize allows a payment in every combination of the manifest.",
	Why:  "A schema that contradicts the manifest refuses what was advertised.",
	Run: func(_ context.Context, l *suite.Lane) error {
		var wrong []error
		for _, op := range l.Description.Operations {
			if _, err := rulesOf(l.Description.Manifest, op); err != nil {
				wrong = append(wrong, err)
			}
		}
		r, err := rulesOf(l.Description.Manifest, sdk.OpAuthorize)
		if err != nil {
			return errors.Join(wrong...)
		}
		for _, cell := range l.Cells() {
			req, err := l.Authorization(cell, l.Amount())
			if err != nil {
				return err
			}
			for _, v := range r.compiled.ValidateValue(req) {
				wrong = append(wrong, suite.Brokenf("validating a payment by "+cell.String(), "no objection", "%s %s", v.Pointer, v.Message))
			}
		}
		return errors.Join(wrong...)
	},
}

var ownExamplesAreValid = suite.Case{
	ID: "schema/own-examples", Requirement: "PC-SCH-006", Profile: suite.Core,
	Rule: "Examples and defaults in the manifest's schemas are allowed by those schemas.",
	Why:  "A merchant fills in what the form suggests and is refused.",
	Run: func(_ context.Context, l *suite.Lane) error {
		m := l.Description.Manifest
		wrong := []error{examplesOf("config schema", m.ConfigSchema)}
		for op, schema := range m.RequestSchemas {
			wrong = append(wrong, examplesOf("request schema of "+string(op), schema))
		}
		return errors.Join(wrong...)
	},
}

// examplesOf judges every example and default in a schema by the part that it is in.
func examplesOf(name string, schema json.RawMessage) error {
	root, ok := read(schema)
	if !ok {
		return nil
	}
	var wrong []error
	var walk func(path []string, says map[string]any)
	walk = func(path []string, says map[string]any) {
		samples := list(says["examples"])
		if d, ok := says["default"]; ok {
			samples = append(samples, d)
		}
		for _, sample := range samples {
			wrong = append(wrong, judgeExample(name+" "+pointer(path), root.root, says, sample))
		}
		for key, part := range says {
			if part, ok := part.(map[string]any); ok {
				walk(append(path[:len(path):len(path)], key), part)
			}
		}
	}
	walk(nil, root.says)
	return errors.Join(wrong...)
}

// judgeExample compiles a part of a document, whose references stay within the document.
func judgeExample(where string, root, says map[string]any, sample any) error {
	text, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": root["$defs"], "allOf": []any{says},
	})
	if root["$defs"] == nil {
		text, err = json.Marshal(map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": []any{says}})
	}
	if err != nil {
		return fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	compiled, err := schemas.CompileRaw(text)
	if err != nil {
		return suite.Brokenf("compiling the "+where, "a JSON Schema", "%v", err)
	}
	for _, v := range compiled.ValidateValue(sample) {
		return suite.Brokenf("judging an example in the "+where, "no objection", "it %s", v.Message)
	}
	return nil
}

var answersMatch = suite.Case{
	ID: "schema/answers", Requirement: "PC-SCH-004", Profile: suite.Core,
	Rule: "Every operation that is offered answers with what its response schema allows, or with an error of the contract.",
	Why:  "A host that cannot read an answer has to treat the payment as in doubt.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		for _, op := range l.Description.Operations {
			if err := l.Invoke(ctx, op); errors.Is(err, suite.ErrNotTestable) || errors.Is(err, suite.ErrSuite) {
				return err
			}
		}
		if n := len(l.Calls()); n < len(l.Description.Operations) {
			return fmt.Errorf("%w: %d calls of %d operations", suite.ErrSuite, n, len(l.Description.Operations))
		}
		return l.Lawful()
	},
}
