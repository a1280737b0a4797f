"""infra/ and what is built for it: Bicep, the emulators' configurations, the package, the checks after a deployment."""
