// Package lookup is being written; it holds no case yet.
package lookup

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case { return nil }
