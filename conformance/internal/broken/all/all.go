// Package all lists every mutant of every area, for the matrix that holds the suite to them.
package all

import (
	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/claims"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/doubt"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/errors"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/hooks"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/keys"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/load"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/lookup"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/money"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/process"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/redirect"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/resilience"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/schema"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/secrets"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/states"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/text"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/tokens"
)

// Mutants lists every mutant, in the order of the areas.
func Mutants() []broken.Mutant {
	var all []broken.Mutant
	for _, area := range []func() []broken.Mutant{
		claims.Mutants,
		schema.Mutants,
		process.Mutants,
		money.Mutants,
		states.Mutants,
		lookup.Mutants,
		text.Mutants,
		doubt.Mutants,
		keys.Mutants,
		load.Mutants,
		resilience.Mutants,
		hooks.Mutants,
		redirect.Mutants,
		errors.Mutants,
		secrets.Mutants,
		tokens.Mutants,
	} {
		all = append(all, area()...)
	}
	return all
}
