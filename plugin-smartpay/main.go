// Plugin-smartpay is the Smartpay connector as a process. A host starts it; it does
// nothing on its own.
package main

import (
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/smartpay"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

func main() {
	serve.Connector(smartpay.New(smartpay.Options{Dial: serve.Dial}))
}
