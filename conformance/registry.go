package conformance

import (
	"path"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/claims"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/doubt"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/errors"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/hooks"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/keys"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/load"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/lookup"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/money"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/process"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/redirect"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/resilience"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/schema"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/secrets"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/states"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/text"
	"github.com/connectorhost/connectorhost/conformance/internal/cases/tokens"
	"github.com/connectorhost/connectorhost/conformance/internal/catalogue"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// areas are where cases come from, in the order in which reports list them.
func areas() []func() []suite.Case {
	return []func() []suite.Case{
		claims.Cases,
		schema.Cases,
		process.Cases,
		doubt.Cases,
		keys.Cases,
		load.Cases,
		resilience.Cases,
		money.Cases,
		states.Cases,
		lookup.Cases,
		text.Cases,
		hooks.Cases,
		redirect.Cases,
		errors.Cases,
		secrets.Cases,
		tokens.Cases,
	}
}

// Cases lists every case.
func Cases() []suite.Case {
	var all []suite.Case
	for _, area := range areas() {
		all = append(all, area()...)
	}
	return all
}

func matches(pattern, id string) (bool, error) {
	if pattern == id {
		return true, nil
	}
	return path.Match(pattern, id)
}

// Requirements lists the catalogue. It is part of the program and was tested with it.
func Requirements() ([]catalogue.Requirement, error) { return catalogue.Load() }

// LevelOf tells how binding a requirement is.
func LevelOf(requirement string) suite.Level { return levels()(requirement) }

// levels tells how binding a requirement is. What the catalogue does not have is a MUST.
func levels() func(string) suite.Level {
	byID := map[string]suite.Level{}
	all, err := catalogue.Load()
	if err == nil {
		for _, r := range all {
			byID[r.ID] = r.Level
		}
	}
	return func(id string) suite.Level {
		if level, ok := byID[id]; ok {
			return level
		}
		return suite.Must
	}
}
