// Plugin-reference is the reference connector as a process, with its provider inside:
// any host can start it and take payments, which last as long as the process. An
// account that names a provider_url pays there instead, and its payments outlive it.
package main

import (
	"time"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

// approveAfter is when the buyers of the provider inside approve by themselves: no
// browser can reach its page.
const approveAfter = time.Second

func main() {
	inside := provider.New(provider.Options{ApproveAfter: approveAfter})
	serve.Connector(reference.New(reference.Options{Inside: inside.Inside(), Dial: serve.Dial}))
}
