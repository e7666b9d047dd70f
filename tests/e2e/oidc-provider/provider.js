// The certified OpenID provider with one client and one account, on loopback.
// Its settings come as JSON in the first argument: {issuer, client, claims}.
import Provider from 'oidc-provider'

const { issuer, client, claims } = JSON.parse(process.argv[2])

const provider = new Provider(issuer, {
  clients: [client],
  claims: {
    openid: ['sub'],
    profile: ['name'],
    email: ['email', 'email_verified']
  },
  pkce: { required: () => true },
  cookies: { keys: ['only for tests'] },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ ...claims, sub: id })
  })
})

const { port } = new URL(issuer)
provider.listen(Number(port), '127.0.0.1', () => console.log(`listening at ${issuer}`))
