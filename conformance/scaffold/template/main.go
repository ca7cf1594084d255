// Plugin-example-pay is the Example Pay connector as a process. A host starts it; it does
// nothing on its own.
package main

import (
	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/connector"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

func main() {
	serve.Connector(connector.New(connector.Options{Dial: serve.Dial}))
}
