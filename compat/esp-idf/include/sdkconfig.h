/* sdkconfig.h - stands where a project's configuration would: give CONFIG_... values to the
 * compiler instead (-DCONFIG_EXAMPLE_FIRMWARE_UPGRADE_URL=...). */
#ifndef SDKCONFIG_H
#define SDKCONFIG_H

#define CONFIG_IDF_TARGET_LINUX 1

#endif
