package api

import "net/http"

// routes are the paths of the API, and what each method of them does. "/" is every
// other path.
func routes() map[string]map[string]operation {
	const get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	read := func(serve func(*server, *call) (answer, error)) operation {
		return operation{scopes: []string{readTransactions}, serve: serve}
	}
	write := func(serve func(*server, *call) (answer, error)) operation {
		return operation{scopes: []string{writeTransactions}, slow: true, serve: serve}
	}
	const one = "/transactions/{id}"
	return map[string]map[string]operation{
		"/transactions": {
			get:  read((*server).listTransactions),
			post: {scopes: []string{writeTransactions, embedded}, slow: true, serve: (*server).createTransaction},
		},
		one: {
			get: read((*server).getTransaction),
			put: write((*server).updateTransaction),
		},
		one + "/capture": {post: write((*server).captureTransaction)},
		one + "/void":    {post: write((*server).voidTransaction)},
		one + "/cancel":  {post: write((*server).cancelTransaction)},
		one + "/sync":    {post: {scopes: []string{readTransactions}, slow: true, serve: (*server).syncTransaction}},
		one + "/refunds": {
			get:  read((*server).listRefunds),
			post: write((*server).refundTransaction),
		},
		one + "/refunds/all":             {post: write((*server).refundAll)},
		one + "/refunds/{rid}":           {get: read((*server).getRefund)},
		"/refunds/{rid}":                 {get: read((*server).findRefund)},
		one + "/captures":                {get: read((*server).listCaptures)},
		one + "/captures/{cid}":          {get: read((*server).getCapture)},
		one + "/events":                  {get: read((*server).listEvents)},
		one + "/actions":                 {get: read((*server).listNothing)},
		one + "/settlements":             {get: read((*server).listNothing)},
		one + "/refund-settlements":      {get: read((*server).listNothing)},
		one + "/authorization/increment": {post: write((*server).incrementAuthorization)},

		"/payment-options": {
			post: {scopes: []string{readOptions, embedded}, serve: (*server).listOptions},
		},
		"/payment-service-definitions": {
			get: {scopes: []string{readDefinitions}, global: true, serve: (*server).listDefinitions},
		},
		"/payment-service-definitions/{id}": {
			get: {scopes: []string{readDefinitions}, global: true, serve: (*server).getDefinition},
		},
		"/payment-services": {
			get:  {scopes: []string{readServices}, serve: (*server).listServices},
			post: {scopes: []string{writeServices}, slow: true, serve: (*server).createService},
		},
		"/payment-services/verify": {
			post: {scopes: []string{writeServices}, slow: true, serve: (*server).verifyCredentials},
		},
		"/payment-services/{id}": {
			get: {scopes: []string{readServices}, serve: (*server).getService},
			put: {scopes: []string{writeServices}, slow: true, serve: (*server).updateService},
			del: {scopes: []string{writeServices}, serve: (*server).deleteService},
		},
		"/webhook-subscriptions": {
			get:  {scopes: []string{readSubscriptions}, every: true, serve: (*server).listSubscriptions},
			post: {scopes: []string{writeSubscriptions}, every: true, serve: (*server).createSubscription},
		},
		"/webhook-subscriptions/{id}": {
			get: {scopes: []string{readSubscriptions}, every: true, serve: (*server).getSubscription},
			put: {scopes: []string{writeSubscriptions}, every: true, serve: (*server).updateSubscription},
			del: {scopes: []string{writeSubscriptions}, every: true, serve: (*server).deleteSubscription},
		},
		"/webhook-subscriptions/{id}/rotate-secret": {
			post: {scopes: []string{writeSubscriptions}, every: true, serve: (*server).rotateSecret},
		},
		"/": {},
	}
}
