from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_session'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='must_change_password',
            field=models.BooleanField(default=False, help_text='Nobody is let in before. Set with each password that an administrator gives.', verbose_name='must choose a new password'),
        ),
    ]
