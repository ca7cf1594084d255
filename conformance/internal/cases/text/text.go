// Package text is being written; it holds no case yet.
package text

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case { return nil }
