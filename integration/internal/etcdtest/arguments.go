package etcdtest

import (
	"fmt"
	"net/url"
	"reflect"

	"go.etcd.io/etcd/server/v3/embed"
)

// flagOf names the flag of etcd for each field of a configuration that tests change.
var flagOf = map[string]string{
	"Name": "name", "Dir": "data-dir", "InitialCluster": "initial-cluster",
	"ListenPeerUrls": "listen-peer-urls", "AdvertisePeerUrls": "initial-advertise-peer-urls",
	"ListenClientUrls": "listen-client-urls", "AdvertiseClientUrls": "advertise-client-urls",
	"TickMs": "heartbeat-interval", "ElectionMs": "election-timeout", "UnsafeNoFsync": "unsafe-no-fsync",
	"QuotaBackendBytes": "quota-backend-bytes", "AuthTokenTTL": "auth-token-ttl", "BcryptCost": "bcrypt-cost",
	"ClientAutoTLS": "auto-tls", "SelfSignedCertValidity": "self-signed-cert-validity",
}

// arguments says to a program what cfg says to an embedded server.
func arguments(cfg *embed.Config) (args []string, err error) {
	now, usual := reflect.ValueOf(*cfg), reflect.ValueOf(*embed.NewConfig())
	for i := range now.NumField() {
		field := now.Type().Field(i)
		if !field.IsExported() || reflect.DeepEqual(now.Field(i).Interface(), usual.Field(i).Interface()) {
			continue
		}
		name, ok := flagOf[field.Name]
		if !ok {
			return nil, fmt.Errorf("the test changes %s of the configuration: add its flag to flagOf", field.Name)
		}
		value := now.Field(i).Interface()
		if urls, ok := value.([]url.URL); ok {
			value = urls[0].String()
		}
		args = append(args, fmt.Sprintf("--%s=%v", name, value))
	}
	return args, nil
}
